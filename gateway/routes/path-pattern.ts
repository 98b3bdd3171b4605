/**
 * Spring's PathPattern: `?`, `*`, `**`, `{v}`, `{v:regex}`, `{*rest}` on the raw path, segments decoded to match.
 *
 * A pattern of literals, with or without `/**` at its end, compares text and allocates nothing; the others walk the
 * segments. Matrix parameters (`;v=1`) do not count, as in PathContainer.
 */
import type { Variables } from '../exchange.ts'
import { fullMatch, type FullMatch } from '../regex/java-regex.ts'

export interface PathPattern {
  readonly text: string
  /** Literal segments before the first wildcard: `/api/users` of `/api/users/{id}`. */
  readonly prefix: string
  readonly names: readonly string[]
  /** `set` is called only when the whole pattern matched. */
  matches (path: string, set: VariableSink): boolean
}

export type VariableSink = (name: string, value: string) => void

type Segment =
  | { readonly kind: 'literal', readonly text: string }
  | { readonly kind: 'one', readonly regex: FullMatch, readonly names: readonly string[], readonly groups: readonly number[] }
  | { readonly kind: 'any' }
  | { readonly kind: 'rest', readonly name: string }

/** Throws on a malformed pattern. */
export function compilePath (text: string, matchTrailingSlash: boolean): PathPattern {
  const pattern = text.startsWith('/') ? text : `/${text}`
  const segments = splitPattern(pattern).map(parseSegment)
  const names = segments.flatMap(s => s.kind === 'one' ? s.names : s.kind === 'rest' ? [s.name] : [])
  if (new Set(names).size !== names.length) throw new Error('a variable is named twice')
  const firstWild = segments.findIndex(segment => segment.kind !== 'literal')
  const literals = firstWild < 0 ? segments : segments.slice(0, firstWild)
  const prefix = literals.map(s => `/${s.kind === 'literal' ? s.text : ''}`).join('')
  const walk = walker(segments, matchTrailingSlash)
  const open = firstWild === segments.length - 1 && segments[firstWild]?.kind === 'any'
  const matches = firstWild < 0
    ? exact(pattern, matchTrailingSlash, walk)
    : open ? below(prefix, walk) : walk
  return { text: pattern, prefix, names, matches }
}

type Match = PathPattern['matches']

function exact (pattern: string, matchTrailingSlash: boolean, walk: Match): Match {
  const slashed = matchTrailingSlash && !pattern.endsWith('/') ? `${pattern}/` : pattern
  return (path, set) => path === pattern || path === slashed || (isEncoded(path) && walk(path, set))
}

function below (prefix: string, walk: Match): Match {
  const start = `${prefix}/`
  return (path, set) => path.startsWith(start) || path === prefix || (isEncoded(path) && walk(path, set))
}

function isEncoded (path: string): boolean {
  return path.includes('%') || path.includes(';')
}

function walker (pattern: readonly Segment[], matchTrailingSlash: boolean): Match {
  const endsOpen = pattern.at(-1)?.kind === 'any' || pattern.at(-1)?.kind === 'rest' ||
    (pattern.at(-1)?.kind === 'literal' && (pattern.at(-1) as { text: string }).text === '')
  return (path, set) => {
    const raw = path.split('/').slice(1)
    if (matchTrailingSlash && !endsOpen && raw.length > 1 && raw.at(-1) === '') raw.pop()
    const segments = raw.map(decodeSegment)
    const found: Array<[string, string]> = []
    if (!walkFrom(pattern, 0, segments, 0, found)) return false
    for (const [name, value] of found) set(name, value)
    return true
  }
}

function walkFrom (pattern: readonly Segment[], p: number, path: readonly string[], i: number,
  found: Array<[string, string]>): boolean {
  const segment = pattern[p]
  if (segment === undefined) return i === path.length
  if (segment.kind === 'rest') {
    found.push([segment.name, i < path.length ? `/${path.slice(i).join('/')}` : ''])
    return true
  }
  if (segment.kind === 'any') return walkAny(pattern, p, path, i, found)
  const text = path[i]
  if (text === undefined || !segmentMatches(segment, text, found)) return false
  return walkFrom(pattern, p + 1, path, i + 1, found)
}

/** `**` takes as few segments as lets the rest match. */
function walkAny (pattern: readonly Segment[], p: number, path: readonly string[], i: number,
  found: Array<[string, string]>): boolean {
  if (p === pattern.length - 1) return true
  for (let at = i; at <= path.length; at++) {
    const before = found.length
    if (walkFrom(pattern, p + 1, path, at, found)) return true
    found.length = before
  }
  return false
}

function segmentMatches (segment: Segment, text: string, found: Array<[string, string]>): boolean {
  if (segment.kind === 'literal') return segment.text === text
  if (segment.kind !== 'one' || text === '') return false
  const match = segment.regex.exec(text)
  if (match === null) return false
  segment.names.forEach((name, i) => found.push([name, match[segment.groups[i]!] ?? '']))
  return true
}

/** `%2f` becomes a slash inside the segment and never splits it; a bad escape is kept as written. */
export function decodeSegment (raw: string): string {
  const parameters = raw.indexOf(';')
  const text = parameters < 0 ? raw : raw.slice(0, parameters)
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Slashes inside `{v:...}` belong to the regex. */
function splitPattern (pattern: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 1
  for (let i = 1; i < pattern.length; i++) {
    if (pattern[i] === '{') depth++
    else if (pattern[i] === '}') depth--
    else if (pattern[i] === '/' && depth === 0) {
      parts.push(pattern.slice(start, i))
      start = i + 1
    }
  }
  if (depth !== 0) throw new Error('braces are not balanced')
  parts.push(pattern.slice(start))
  return parts
}

function parseSegment (text: string, index: number, all: readonly string[]): Segment {
  if (text === '**') return { kind: 'any' }
  if (text.startsWith('{*') && text.endsWith('}')) {
    if (index !== all.length - 1) throw new Error('{*...} must be the last part')
    return { kind: 'rest', name: text.slice(2, -1) }
  }
  return /[*?{]/.test(text) ? wildcard(text) : { kind: 'literal', text }
}

function wildcard (text: string): Segment {
  const names: string[] = []
  let source = ''
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? ''
    if (c === '*') source += '.*'
    else if (c === '?') source += '.'
    else if (c !== '{') source += c.replace(/[\\^$.+()[\]|/}-]/, '\\$&')
    else {
      const end = closingBrace(text, i)
      const [, name = '', regex] = /^([^:]*)(?::([\s\S]*))?$/.exec(text.slice(i + 1, end)) ?? []
      if (name === '') throw new Error('a variable has no name')
      source += `(?<v${names.length}>${regex ?? '.+?'})`
      names.push(name)
      i = end
    }
  }
  const regex = fullMatch(`(?s)${source}`)
  return { kind: 'one', regex, names, groups: names.map((_, i) => regex.names.get(`v${i}`)!) }
}

function closingBrace (text: string, open: number): number {
  let depth = 0
  for (let i = open; i < text.length; i++) {
    if (text[i] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return i
  }
  throw new Error('braces are not balanced')
}

/** Merges into `x.variables`, which is null until the first name. */
export function putVariable (x: { variables: Variables | null }, name: string, value: string): void {
  x.variables ??= Object.create(null) as Variables
  x.variables[name] = value
}
