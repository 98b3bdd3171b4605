/**
 * Spring's PathPattern: `?`, `*`, `**`, `{v}`, `{v:regex}`, `{*rest}` on the raw path, segments decoded to match.
 *
 * A pattern of literals, with or without `/**` at its end, compares text and allocates nothing; the others walk the
 * segments. Matrix parameters (`;v=1`) do not count, as in PathContainer.
 */
import type { Variables } from '../exchange.ts'
import { fullMatch } from '../regex/java-regex.ts'
import { joined, regularExpression, wildcards, type Token, type Wildcards } from './wildcards.ts'

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
  | { readonly kind: 'one', readonly values: Wildcards, readonly names: readonly string[] }
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
type Found = Array<readonly [name: string, value: string]>

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
    const walk = new Walk(pattern, segments)
    if (!walk.from(0, 0)) return false
    for (const [name, value] of walk.found) set(name, value)
    return true
  }
}

/** One path along the segments of a pattern. */
class Walk {
  readonly found: Found = []
  private readonly pattern: readonly Segment[]
  private readonly path: readonly string[]
  /** Places from which a `**` has looked in vain: the next one before it need not look there again. */
  private inVain: Uint8Array | undefined = undefined

  constructor (pattern: readonly Segment[], path: readonly string[]) {
    this.pattern = pattern
    this.path = path
  }

  from (p: number, i: number): boolean {
    const { found, path, pattern } = this
    const segment = pattern[p]
    if (segment === undefined) return i === path.length
    if (segment.kind === 'rest') {
      found.push([segment.name, i < path.length ? `/${path.slice(i).join('/')}` : ''])
      return true
    }
    if (segment.kind === 'any') return p === pattern.length - 1 || this.fromAny(p, i)
    const text = path[i]
    return text !== undefined && segmentMatches(segment, text, found) && this.from(p + 1, i + 1)
  }

  /** `**` takes as few segments as lets the rest match. */
  private fromAny (p: number, i: number): boolean {
    const { found, path, pattern } = this
    const width = path.length + 1
    this.inVain ??= new Uint8Array(pattern.length * width)
    for (let at = i; at <= path.length; at++) {
      if (this.inVain[p * width + at] === 1) return false
      const before = found.length
      if (this.from(p + 1, at)) return true
      found.length = before
      this.inVain[p * width + at] = 1
    }
    return false
  }
}

function segmentMatches (segment: Segment, text: string, found: Found): boolean {
  if (segment.kind === 'literal') return segment.text === text
  if (segment.kind !== 'one' || text === '') return false
  const values = segment.values(text)
  if (values === undefined) return false
  found.push(...values)
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
export function splitPattern (pattern: string): string[] {
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

/** A part of a segment, its variables in order. With an expression of the operator's own it is a regular one. */
function wildcard (text: string): Segment {
  const tokens: Token[] = []
  const names: string[] = []
  let source = ''
  let regular = false
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c === '*' || c === '?') {
      source += c === '*' ? '.*' : '.'
      tokens.push({ kind: 'run', min: c === '*' ? 0 : 1, many: c === '*', lazy: false, without: '' })
    } else if (c !== '{') {
      source += c.replace(/[\\^$.+()[\]|/}-]/, '\\$&')
      tokens.push({ kind: 'literal', text: c })
    } else {
      const end = closingBrace(text, i)
      const [, name = '', regex] = /^([^:]*)(?::([\s\S]*))?$/.exec(text.slice(i + 1, end)) ?? []
      if (name === '') throw new Error('a variable has no name')
      regular ||= regex !== undefined
      source += `(?<v${names.length}>${regex ?? '.+?'})`
      tokens.push({ kind: 'run', min: 1, many: true, lazy: true, without: '', name })
      names.push(name)
      i = end
    }
  }
  const values = regular ? regularExpression(fullMatch(`(?s)${source}`), names) : wildcards(joined(tokens), false)
  return { kind: 'one', names, values }
}

/** Where the brace that is open at a place is closed. */
export function closingBrace (text: string, open: number): number {
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
