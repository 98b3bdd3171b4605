/**
 * Ant patterns over a Host header, labels apart at dots: `?`, `*` in one label, `**` any number, `{v}`, `{v:regex}`.
 *
 * Spring compares case and port with the header as it came, so `a.org` fails for `A.org` and for `a.org:8080`.
 * Ours: case never counts (RFC 9110, 4.2.3), and a pattern that names no port holds for every port, unless
 * `predicate.host.include-port` says otherwise.
 */
import { fullMatch } from '../regex/java-regex.ts'
import type { VariableSink } from './path-pattern.ts'
import { joined, regularExpression, wildcards, type Token, type Wildcards } from './wildcards.ts'

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
  const values = hostMatcher(text, names)
  const withPort = includePort ?? /:\d+$/.test(text)
  const exact = /[*?{]/.test(text) ? undefined : text.toLowerCase()
  const compared = (host: string) => withPort ? host : bareHost(host)
  return {
    text,
    names,
    exact: exact === undefined ? undefined : bareHost(exact),
    matches (host, set) {
      if (exact !== undefined) return compared(host).toLowerCase() === exact
      const found = values(compared(host))
      for (const [name, value] of found ?? []) set(name, value)
      return found !== undefined
    }
  }
}

/** Without `:port`; the brackets of an IPv6 address stay. */
export function bareHost (host: string): string {
  const colon = host.lastIndexOf(':')
  return colon < 0 || host.endsWith(']') ? host : host.slice(0, colon)
}

function hostMatcher (text: string, names: string[]): Wildcards {
  const parts = hostParts(text)
  for (const part of parts) if (part.name !== undefined) names.push(part.name)
  if (parts.every(({ token }) => token !== undefined)) return wildcards(joined(parts.map(({ token }) => token!)), true)
  let nth = 0
  const source = parts.map(({ name, source }) => name === undefined ? source : `(?<v${nth++}>${source})`).join('')
  return regularExpression(fullMatch(`(?i)${source}`), names)
}

/** A piece of a pattern as a regular expression, and as a wildcard unless it is an expression of the operator's own. */
interface Part {
  readonly source: string
  readonly token?: Token
  readonly name?: string
}

const DOT: Part = { source: '\\.', token: { kind: 'literal', text: '.' } }
const ANYTHING: Part = { source: '.*', token: { kind: 'run', min: 0, many: true, lazy: false, without: '' } }
const LABELS_BEFORE: Part = { source: '(?:[^.]+\\.)*', token: { kind: 'labels', leading: false } }
const LABELS_BEHIND: Part = { source: '(?:\\.[^.]+)*', token: { kind: 'labels', leading: true } }
const STAR: Part = { source: '[^.]*', token: { kind: 'run', min: 0, many: true, lazy: false, without: '.' } }
const ONE: Part = { source: '[^.]', token: { kind: 'run', min: 1, many: false, lazy: false, without: '.' } }

function hostParts (text: string): Part[] {
  const labels = splitLabels(text)
  return labels.flatMap((label, i) => {
    const last = i === labels.length - 1
    if (label === '**') return [last ? (i === 0 ? ANYTHING : LABELS_BEHIND) : LABELS_BEFORE]
    const joint = last || (labels[i + 1] === '**' && i + 1 === labels.length - 1) ? [] : [DOT]
    return [...labelParts(label), ...joint]
  })
}

/** Dots inside `{v:...}` belong to the regex. */
export function splitLabels (text: string): string[] {
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

function labelParts (label: string): Part[] {
  const pieces = label.matchAll(/\{([^:{}]+)(?::((?:[^{}]|\{[^{}]*\})*))?\}|\*+|[\s\S]/g)
  return [...pieces].map(([piece, name, regex]) => {
    if (name !== undefined) return regex === undefined ? variable(name) : { source: regex, name }
    if (piece.startsWith('*')) return STAR
    if (piece === '?') return ONE
    return { source: piece.replace(/[\\^$+()[\]|/{}-]/, '\\$&'), token: { kind: 'literal', text: piece.toLowerCase() } }
  })
}

function variable (name: string): Part {
  return { source: '[^.]+', name, token: { kind: 'run', min: 1, many: true, lazy: false, without: '.', name } }
}
