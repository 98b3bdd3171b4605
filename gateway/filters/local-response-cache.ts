/**
 * `LocalResponseCache=5m,10MB`: GET answers from memory, by RFC 9111 and never for longer than the route allows. Beyond
 * Spring's rules: an answer that sets a cookie is nobody else's, a Range is not the whole, what is stored is what the
 * upstream sent, so that the other response filters treat a hit like a miss; what is stale is asked for by its
 * validator, and may stand in for a service that fails; a write ends what was kept of its path.
 */
import type { CacheFinding } from '../cache/cache-owner.ts'
import { cacheKey } from '../cache/cache-key.ts'
import { freshnessOf, oldestTaken, type Fields, type Freshness } from '../cache/freshness.ts'
import type { CachedAnswer } from '../cache/response-cache.ts'
import type { Target } from '../cache/selection.ts'
import { replyOf, sharedCopy, storedAnswer, storedHeaders, tell } from '../cache/stored-answer.ts'
import { conditionsFor, updated } from '../cache/validation.ts'
import type { Exchange, Reply } from '../exchange.ts'
import type { Args } from '../routes/args.ts'
import type { CompileContext } from '../routes/context.ts'
import type { FilterFactory, RouteDraft } from '../routes/factory.ts'
import type { Filter } from '../routes/route.ts'
import { CACHE_ORDER } from './orders.ts'
import { filterText } from './text.ts'

const KEY = 'LocalResponseCache'
const CACHEABLE: ReadonlySet<number> = new Set([200, 301])
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
const NOT_MODIFIED = 304

export const localResponseCache: FilterFactory = {
  name: 'LocalResponseCache',
  fields: ['timeToLive', 'size'],
  create: (args, draft, context) => new CachingFilter(args, draft, context)
}

/** What the answer to an exchange is to be kept as; `lease` 0: nobody waits for it. */
interface Miss {
  readonly key: string
  readonly askedMs: number
  /** The caller's own fields, which may be given up for ours. */
  readonly asked: Fields
  /** The request's fields that an answer may vary by, as they came. */
  readonly fields: Readonly<Record<string, string>>
  /** What there was, and may still hold. */
  stale: CachedAnswer | undefined
  /** It went out with our conditions: a 304 is about what there was. */
  isConditional: boolean
  lease: number
  /** The request was answered otherwise, or is no more. */
  isOver: boolean
}

class CachingFilter implements Filter {
  readonly name = 'LocalResponseCache'
  readonly order = CACHE_ORDER
  readonly #text: string
  readonly #context: CompileContext
  readonly #route: string
  readonly #ttlSeconds: number
  /** A size of the route's own is a cache of its own, as in Spring. */
  readonly #place: { readonly cache: string, readonly maxBytes: number }
  readonly #keyOf: (x: Exchange) => string

  constructor (args: Args, draft: RouteDraft, context: CompileContext) {
    const { responseCache: defaults, security } = context.options
    const ttlMs = args.durationMs('timeToLive', `${defaults.timeToLiveMs}ms`)
    this.#context = context
    this.#route = draft.id
    this.#ttlSeconds = ttlMs / 1_000
    this.#place = args.has('size')
      ? { cache: draft.id, maxBytes: args.bytes('size') }
      : { cache: '', maxBytes: defaults.maxBytes }
    this.#keyOf = cacheKey(draft, security.apiKeys.header)
    this.#text = filterText('LocalResponseCache', ['timeToLive', `${ttlMs}ms`], ['size', args.optional('size') ?? null])
    context.responseCache.use(this.#place.cache)
  }

  request (x: Exchange): Reply | undefined | Promise<Reply | undefined> {
    const oldest = mayBeCached(x) ? oldestTaken(name => x.headerValues(name)) : undefined
    if (oldest === undefined) return undefined
    const key = this.#keyOf(x)
    let miss: Miss | undefined
    const found = this.#context.responseCache.find({
      ...this.#place, key,
      header: name => x.headerValues(name).join(),
      // Asked for only where there is no copy: a hit costs no list of fields.
      fields: () => (miss = this.#begin(x, key)).fields
    })
    if (found instanceof Promise) return found.then(finding => this.#taken(x, finding, miss!, oldest))
    if (found.kind !== 'hit' || this.#isTooOld(found.answer, oldest)) return this.#taken(x, found, miss ?? this.#begin(x, key), oldest)
    if (miss !== undefined) miss.isOver = true
    return replyOf(found.answer, name => x.headerValues(name), this.#now())
  }

  /** A stale answer takes the place of one that says that nothing has changed, or of none. */
  instead (x: Exchange, status: number | undefined): Reply | undefined {
    const miss = missOf(x)
    if (miss?.stale === undefined || miss.isOver) return undefined
    if (status === NOT_MODIFIED) return miss.isConditional ? this.#revalidated(x, miss, miss.stale) : undefined
    const mayStandIn = (status === undefined || status >= 500) && this.#now() < miss.stale.failingMs
    return mayStandIn ? this.#end(miss, miss.stale) : undefined
  }

  response (x: Exchange): void {
    if (!SAFE.has(x.method)) return this.#written(x)
    const miss = missOf(x)
    if (miss === undefined || miss.isOver || x.failure !== undefined) return
    const fresh = this.#freshness(x)
    if (fresh !== undefined) return this.#keep(x, miss, fresh)
    // Known by its head: whoever waits for it need not wait for its end.
    if (miss.lease > 0) this.#context.responseCache.release(miss.lease, x.status < 500)
  }

  finished (x: Exchange): void {
    const miss = missOf(x)
    if (miss === undefined) return
    x.attributes?.delete(KEY)
    this.#giveUp(miss)
  }

  toString (): string {
    return this.#text
  }

  #now (): number {
    return this.#context.host.now()
  }

  #begin (x: Exchange, key: string): Miss {
    const fields = Object.fromEntries(x.headerNames().map(name => [name, x.headerValues(name).join()]))
    const asked = (name: string) => Object.hasOwn(fields, name) ? [fields[name]!] : []
    const miss = {
      key, askedMs: this.#now(), asked, fields, stale: undefined, isConditional: false, lease: 0, isOver: false
    }
    x.attributes ??= new Map()
    x.attributes.set(KEY, miss)
    return miss
  }

  #isTooOld (answer: CachedAnswer, oldest: number): boolean {
    return this.#now() - answer.storedMs > oldest * 1_000
  }

  /** The request is answered otherwise, or is no more: nobody need wait for what it was to bring. */
  #giveUp (miss: Miss): void {
    miss.isOver = true
    if (miss.lease > 0) this.#context.responseCache.release(miss.lease, false)
  }

  /** When the owner was asked, the exchange may be another's by now: `isOver` says so. */
  #taken (x: Exchange, finding: CacheFinding, miss: Miss, oldest: number): Reply | undefined {
    if (finding.kind === 'hit') return miss.isOver || this.#isTooOld(finding.answer, oldest) ? undefined : this.#end(miss, finding.answer)
    if (finding.kind === 'lead') miss.lease = finding.lease
    if (miss.isOver) this.#giveUp(miss)
    else this.#ask(x, miss, finding.stale)
    return undefined
  }

  /** The service is asked whether what there is still holds; the caller's own conditions wait for its answer. */
  #ask (x: Exchange, miss: Miss, stale: CachedAnswer | undefined): void {
    if (stale === undefined) return
    miss.stale = stale
    const conditions = conditionsFor(stale.headers)
    if (conditions.length === 0) return
    miss.isConditional = true
    for (const name of ['if-none-match', 'if-modified-since']) x.removeHeader(name)
    for (const [name, value] of conditions) x.setHeader(name, value)
  }

  #end (miss: Miss, answer: CachedAnswer): Reply {
    this.#giveUp(miss)
    return replyOf(answer, miss.asked, this.#now())
  }

  #revalidated (x: Exchange, miss: Miss, stale: CachedAnswer): Reply {
    const headers = updated(stale.headers, storedHeaders(x))
    const fresh = this.#freshnessBy(name => fieldsOf(x, headers, name))
    if (fresh === undefined) return this.#end(miss, { ...stale, headers })
    const answer = storedAnswer({ ...stale, headers }, fresh, this.#now())
    this.#store(miss, answer)
    return this.#end(miss, answer)
  }

  /** Undefined: it is not to be kept. */
  #freshness (x: Exchange): Freshness | undefined {
    const bytes = Number(x.responseHeaderValues('content-length')[0] ?? 0)
    if (!CACHEABLE.has(x.status) || bytes > this.#context.options.responseCache.maxEntryBytes) return undefined
    return this.#freshnessBy(name => x.responseHeaderValues(name))
  }

  #freshnessBy (fields: Fields): Freshness | undefined {
    const { staleIfErrorMs, staleWhileRevalidateMs } = this.#context.options.responseCache
    const rules = {
      ttl: this.#ttlSeconds, staleIfError: staleIfErrorMs / 1_000, staleWhileRevalidate: staleWhileRevalidateMs / 1_000
    }
    return freshnessOf(fields, rules, this.#context.wallClock() / 1_000)
  }

  #keep (x: Exchange, miss: Miss, fresh: Freshness): void {
    const kept = { status: x.status, headers: storedHeaders(x), target: this.#targetOf(x) }
    x.copyResponseBody(this.#context.options.responseCache.maxEntryBytes, body => {
      this.#store(miss, storedAnswer({ ...kept, body: sharedCopy(body) }, fresh, this.#now()))
    })
    // What has to be asked for each time is told as the service says it.
    if (fresh.keptSeconds > 0) tell(x, fresh.toldSeconds)
  }

  #store ({ key, fields, askedMs, lease }: Miss, answer: CachedAnswer): void {
    const vary = varyOf(answer.headers)
    const varying = Object.fromEntries(vary.map(name => [name, Object.hasOwn(fields, name) ? fields[name]! : '']))
    this.#context.responseCache.keep({ ...this.#place, key, fields: varying, vary, answer, askedMs }, lease)
  }

  /** After a write that was taken, what was kept of its path is of before (RFC 9111, 4.4). */
  #written (x: Exchange): void {
    if (x.status >= 400 || x.failure !== undefined) return
    const { host, path } = this.#targetOf(x)
    const selection = { host, path }
    this.#context.responseCache.forget(selection)
    if (this.#context.host.place.count > 1) this.#context.host.emit('outdated', selection)
  }

  #targetOf (x: Exchange): Target {
    return { route: this.#route, host: x.host, path: x.rawPath }
  }
}

function missOf (x: Exchange): Miss | undefined {
  return x.attributes?.get(KEY) as Miss | undefined
}

/** The stored fields, with the moment's own, which are not stored. */
function fieldsOf (x: Exchange, headers: CachedAnswer['headers'], wanted: string): readonly string[] {
  const stored = headers.filter(([name]) => name === wanted).map(([, value]) => value)
  return stored.length > 0 ? stored : x.responseHeaderValues(wanted)
}

function varyOf (headers: CachedAnswer['headers']): string[] {
  return headers.filter(([name]) => name === 'vary').flatMap(([, value]) => value.toLowerCase().split(',')).map(name => name.trim())
}

/** A GET without a body that did not ask for a part. */
function mayBeCached (x: Exchange): boolean {
  if (x.method !== 'GET' || x.header('range') !== undefined) return false
  return x.header('transfer-encoding') === undefined && !(Number(x.header('content-length') ?? 0) > 0)
}
