/**
 * How long an answer may be kept and for how long a client may think it fresh, by what the service says (RFC 9111).
 * There is no revalidation here: what may only be used after asking the service is not kept.
 */

/** Values of a field by its lower-case name. */
export type Fields = (name: string) => readonly string[]

export interface Freshness {
  /** Seconds for which the gateway may answer with it. */
  readonly keptSeconds: number
  /** Seconds that a client is told: never more than the service gave. */
  readonly toldSeconds: number
}

const DIRECTIVE = /([^\s,=";]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g

/** `cache-control` as names, lower-case, and values. A directive that comes twice has its first value (4.2.1). */
export function directivesOf (values: readonly string[]): ReadonlyMap<string, string> {
  const directives = new Map<string, string>()
  for (const [, name = '', quoted, plain = ''] of values.join(',').matchAll(DIRECTIVE)) {
    const key = name.toLowerCase()
    if (!directives.has(key)) directives.set(key, quoted ?? plain)
  }
  return directives
}

/** Undefined: it must not be kept. `ttlSeconds`: what the route allows, and what counts if the service is silent. */
export function freshnessOf (fields: Fields, ttlSeconds: number, nowSeconds: number): Freshness | undefined {
  const directives = directivesOf(fields('cache-control'))
  if (['no-store', 'private', 'no-cache'].some(name => directives.has(name))) return undefined
  if (directives.size === 0 && /no-cache/i.test(fields('pragma').join())) return undefined
  if (fields('vary').join().includes('*') || fields('set-cookie').length > 0) return undefined
  const age = secondsOf(fields('age')[0] ?? '0')
  const shared = given(directives, 's-maxage')
  const own = given(directives, 'max-age') ?? expiresIn(fields, nowSeconds)
  const kept = Math.min(ttlSeconds, shared ?? own ?? ttlSeconds) - age
  if (kept <= 0) return undefined
  return { keptSeconds: kept, toldSeconds: Math.max(0, Math.floor(Math.min(kept, (own ?? Infinity) - age))) }
}

/** The oldest answer that a request takes, in seconds; undefined: none, it is to be asked for anew. */
export function oldestTaken (fields: Fields): number | undefined {
  const directives = directivesOf(fields('cache-control'))
  if (directives.has('no-cache') || directives.has('no-store')) return undefined
  if (directives.size === 0 && /no-cache/i.test(fields('pragma').join())) return undefined
  const oldest = given(directives, 'max-age') ?? Infinity
  return oldest === 0 ? undefined : oldest
}

function given (directives: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = directives.get(name)
  return text === undefined ? undefined : secondsOf(text)
}

/** What is no number of seconds makes it stale (4.2.1). */
function secondsOf (text: string): number {
  return /^\d+$/.test(text) ? Math.min(Number(text), 2 ** 31) : 0
}

/** `Expires` against the service's own clock; a date that is none lies in the past (5.3). */
function expiresIn (fields: Fields, nowSeconds: number): number | undefined {
  const [expires] = fields('expires')
  if (expires === undefined) return undefined
  const date = Date.parse(fields('date')[0] ?? '')
  const seconds = Math.floor(Date.parse(expires) / 1_000 - (Number.isNaN(date) ? nowSeconds : date / 1_000))
  return Number.isNaN(seconds) ? 0 : Math.max(0, seconds)
}
