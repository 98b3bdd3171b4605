/**
 * Ant patterns over a Host header, labels apart at dots: `?`, `*` in one label, `**` any number, `{v}`, `{v:regex}`.
 *
 * Spring compares case and port with the header as it came, so `a.org` fails for `A.org` and for `a.org:8080`.
 * Ours: case never counts (RFC 9110, 4.2.3), and a pattern that names no port holds for every port, unless
 * `predicate.host.include-port` says otherwise.
 */
import { fullMatch } from '../regex/java-regex.ts'
import type { VariableSink } from './path-pattern.ts'

export interface HostPattern {
  readonly text: string
  readonly names: readonly string[]
  /** Lower-case host without port when the pattern is nothing but that, for the index. */
  readonly exact: string | undefined
  matches (host: string, set: VariableSink): boolean
}

/** `includePort` undefined: decided by the pattern. Throws on a malformed pattern. */
export function compileHost (text: string, includePort: boolean | undefined): HostPattern {
  const names: string[] = []
  const regex = fullMatch(`(?i)${hostSource(text, names)}`)
  const groups = names.map((_, i) => regex.names.get(`v${i}`)!)
  const withPort = includePort ?? /:\d+$/.test(text)
  const exact = /[*?{]/.test(text) ? undefined : text.toLowerCase()
  const compared = (host: string) => withPort ? host : bareHost(host)
  return {
    text,
    names,
    exact: exact === undefined ? undefined : bareHost(exact),
    matches (host, set) {
      if (exact !== undefined) return compared(host).toLowerCase() === exact
      const match = regex.exec(compared(host))
      if (match === null) return false
      for (let i = 0; i < names.length; i++) set(names[i] ?? '', match[groups[i]!] ?? '')
      return true
    }
  }
}

/** Without `:port`; the brackets of an IPv6 address stay. */
export function bareHost (host: string): string {
  const colon = host.lastIndexOf(':')
  return colon < 0 || host.endsWith(']') ? host : host.slice(0, colon)
}

function hostSource (text: string, names: string[]): string {
  const labels = splitLabels(text)
  return labels.map((label, i) => {
    const last = i === labels.length - 1
    if (label === '**') return last ? (i === 0 ? '.*' : '(?:\\.[^.]+)*') : '(?:[^.]+\\.)*'
    const joint = last || (labels[i + 1] === '**' && i + 1 === labels.length - 1) ? '' : '\\.'
    return labelSource(label, names) + joint
  }).join('')
}

function splitLabels (text: string): string[] {
  const labels = ['']
  let depth = 0
  for (const c of text) {
    if (c === '{') depth++
    if (c === '}') depth--
    if (c === '.' && depth === 0) labels.push('')
    else labels[labels.length - 1] += c
  }
  if (depth !== 0) throw new Error('braces are not balanced')
  return labels
}

function labelSource (label: string, names: string[]): string {
  return label.replaceAll(/\{([^:{}]+)(?::((?:[^{}]|\{[^{}]*\})*))?\}|\*+|[\s\S]/g, (token, name?: string, regex?: string) => {
    if (name !== undefined) return `(?<v${names.push(name) - 1}>${regex ?? '[^.]+'})`
    if (token.startsWith('*')) return '[^.]*'
    return token === '?' ? '[^.]' : token.replace(/[\\^$+()[\]|/{}-]/, '\\$&')
  })
}
