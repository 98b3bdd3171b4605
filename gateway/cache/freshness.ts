/**
 * How long an answer may be kept and for how long a client may think it fresh, by what the service says (RFC 9111), and
 * for how long it is better than nothing afterwards (RFC 5861).
 */

/** Values of a field by its lower-case name. */
export type Fields = (name: string) => readonly string[]

/** What the route and the gateway's settings allow, in seconds. */
export interface FreshnessRules {
  /** The longest an answer is fresh, and what counts if the service is silent. */
  readonly ttl: number
  /** For services that do not say it themselves. */
  readonly staleIfError: number
  readonly staleWhileRevalidate: number
}

export interface Freshness {
  /** Seconds for which the gateway may answer with it; 0: only after asking the service each time. */
  readonly keptSeconds: number
  /** Seconds that a client is told: never more than the service gave. */
  readonly toldSeconds: number
  /** For so long after it became stale it may be given while somebody else asks for it anew. */
  readonly updatingSeconds: number
  /** And for so long when the service fails. */
  readonly failingSeconds: number
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

/** Undefined: it must not be kept, or keeping it would spare nobody anything. */
export function freshnessOf (fields: Fields, rules: FreshnessRules, nowSeconds: number): Freshness | undefined {
  const directives = directivesOf(fields('cache-control'))
  if (['no-store', 'private'].some(name => directives.has(name)) || isOnesOwn(fields)) return undefined
  if (directives.size === 0 && /no-cache/i.test(fields('pragma').join())) return undefined
  const age = secondsOf(fields('age')[0] ?? '0')
  const shared = given(directives, 's-maxage')
  const own = given(directives, 'max-age') ?? expiresIn(fields, nowSeconds)
  const fresh = directives.has('no-cache') ? 0 : Math.max(0, Math.min(rules.ttl, shared ?? own ?? rules.ttl) - age)
  const stale = staleness(directives, rules)
  const isWorthIt = fresh > 0 || hasValidator(fields) || stale.failingSeconds > 0
  const toldSeconds = Math.max(0, Math.floor(Math.min(fresh, (own ?? Infinity) - age)))
  return isWorthIt ? { keptSeconds: fresh, toldSeconds, ...stale } : undefined
}

/** The oldest answer that a request takes, in seconds; undefined: none, it is to be asked for anew. */
export function oldestTaken (fields: Fields): number | undefined {
  const directives = directivesOf(fields('cache-control'))
  if (directives.has('no-cache') || directives.has('no-store')) return undefined
  if (directives.size === 0 && /no-cache/i.test(fields('pragma').join())) return undefined
  const oldest = given(directives, 'max-age') ?? Infinity
  return oldest === 0 ? undefined : oldest
}

/** What sets a cookie, or depends on what nobody can name. */
function isOnesOwn (fields: Fields): boolean {
  return fields('vary').join().includes('*') || fields('set-cookie').length > 0
}

function hasValidator (fields: Fields): boolean {
  return fields('etag').length > 0 || fields('last-modified').length > 0
}

/** These directives say that nobody may be given it stale (4.2.4): not even when the service is away. */
const ONLY_FRESH = ['must-revalidate', 'proxy-revalidate', 's-maxage', 'no-cache']

function staleness (
  directives: ReadonlyMap<string, string>, rules: FreshnessRules
): Pick<Freshness, 'updatingSeconds' | 'failingSeconds'> {
  if (ONLY_FRESH.some(name => directives.has(name))) return { updatingSeconds: 0, failingSeconds: 0 }
  return {
    updatingSeconds: given(directives, 'stale-while-revalidate') ?? rules.staleWhileRevalidate,
    failingSeconds: given(directives, 'stale-if-error') ?? rules.staleIfError
  }
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
