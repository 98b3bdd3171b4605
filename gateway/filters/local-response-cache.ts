/**
 * `LocalResponseCache=5m,10MB`: GET answers from memory, by RFC 9111 and never for longer than the route allows. Beyond
 * Spring's rules: an answer that sets a cookie is nobody else's, a Range is not the whole, and what is stored is what
 * the upstream sent, so that the other response filters treat a hit like a miss.
 */
import { freshnessOf, oldestTaken, type Freshness } from '../cache/freshness.ts'
import type { CacheFinding } from '../cache/cache-owner.ts'
import type { CachedAnswer } from '../cache/response-cache.ts'
import type { Exchange, Reply } from '../exchange.ts'
import type { FilterFactory, RouteDraft } from '../routes/factory.ts'
import { principalOf } from '../security/principal.ts'
import { CACHE_ORDER } from './orders.ts'
import { filterText } from './text.ts'

const KEY = 'LocalResponseCache'
const CACHEABLE: ReadonlySet<number> = new Set([200, 301])
/** Of the connection and the moment, not of the answer. */
const NOT_STORED: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'date', 'pragma', 'expires', 'age', 'trailer'])

export const localResponseCache: FilterFactory = {
  name: 'LocalResponseCache',
  fields: ['timeToLive', 'size'],
  create (args, draft, context) {
    const { responseCache: defaults } = context.options
    const ttlMs = args.durationMs('timeToLive', `${defaults.timeToLiveMs}ms`)
    const cache = context.responseCache
    // A size of the route's own is a cache of its own, as in Spring.
    const place = args.has('size')
      ? { cache: draft.id, maxBytes: args.bytes('size') }
      : { cache: '', maxBytes: defaults.maxBytes }
    cache.use(place.cache)
    const now = () => context.host.now()
    const keyOf = cacheKey(draft, context.options.security.apiKeys.header)

    /** The exchange may be another's by the time the finding is there: it is not touched here. */
    function takenFrom (finding: CacheFinding, miss: Miss, oldest: number): Reply | undefined {
      if (finding.kind === 'hit' && now() - finding.answer.storedMs <= oldest * 1_000) {
        miss.isOver = true
        return hit(finding.answer, now())
      }
      if (finding.kind !== 'lead') return undefined
      if (miss.isOver) cache.release(finding.lease, false)
      else miss.lease = finding.lease
      return undefined
    }

    /** Undefined: it is not to be kept. */
    function freshness (x: Exchange): Freshness | undefined {
      const bytes = Number(x.responseHeaderValues('content-length')[0] ?? 0)
      if (!CACHEABLE.has(x.status) || bytes > defaults.maxEntryBytes) return undefined
      return freshnessOf(name => x.responseHeaderValues(name), ttlMs / 1_000, context.wallClock() / 1_000)
    }

    function keep (x: Exchange, { key, lease }: Miss, fresh: Freshness): void {
      const vary = x.responseHeaderValues('vary').flatMap(value => value.toLowerCase().split(',')).map(name => name.trim())
      const fields = Object.fromEntries(vary.map(name => [name, x.headerValues(name).join()]))
      const headers = storedHeaders(x)
      const { status } = x
      x.copyResponseBody(defaults.maxEntryBytes, body => {
        const storedMs = now()
        const [expiresMs, toldMs] = [storedMs + fresh.keptSeconds * 1_000, storedMs + fresh.toldSeconds * 1_000]
        const answer = { status, headers, body: sharedCopy(body), storedMs, expiresMs, toldMs }
        cache.keep({ ...place, key, fields, vary, answer }, lease)
      })
      tell(x, fresh.toldSeconds)
    }

    return {
      name: 'LocalResponseCache',
      order: CACHE_ORDER,
      request: x => {
        const oldest = mayBeCached(x) ? oldestTaken(name => x.headerValues(name)) : undefined
        if (oldest === undefined) return undefined
        const miss: Miss = { key: keyOf(x), lease: 0, isOver: false }
        x.attributes ??= new Map()
        x.attributes.set(KEY, miss)
        const header = (name: string) => x.headerValues(name).join()
        const found = cache.find({ ...place, key: miss.key, header, fields: () => fieldsOf(x) })
        const taken = (finding: CacheFinding) => takenFrom(finding, miss, oldest)
        return found instanceof Promise ? found.then(taken) : taken(found)
      },
      response (x) {
        const miss = x.attributes?.get(KEY) as Miss | undefined
        if (miss === undefined || miss.isOver || x.failure !== undefined) return
        const fresh = freshness(x)
        if (fresh !== undefined) return keep(x, miss, fresh)
        // Known by its head: whoever waits for it need not wait for its end.
        if (miss.lease > 0) cache.release(miss.lease, x.status < 500)
      },
      finished (x) {
        const miss = x.attributes?.get(KEY) as Miss | undefined
        if (miss === undefined) return
        x.attributes?.delete(KEY)
        miss.isOver = true
        if (miss.lease > 0) cache.release(miss.lease, false)
      },
      toString: () => filterText('LocalResponseCache', ['timeToLive', `${ttlMs}ms`], ['size', args.optional('size') ?? null])
    }
  }
}

/** What the answer to an exchange is to be kept as; `lease` 0: nobody waits for it. */
interface Miss {
  readonly key: string
  lease: number
  /** The request was answered otherwise, or is no more. */
  isOver: boolean
}

function fieldsOf (x: Exchange): Record<string, string> {
  return Object.fromEntries(x.headerNames().map(name => [name, x.headerValues(name).join()]))
}

function sharedCopy (body: Buffer): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(body.length))
  copy.set(body)
  return copy
}

/** A GET without a body that did not ask for a part. */
function mayBeCached (x: Exchange): boolean {
  if (x.method !== 'GET' || x.header('range') !== undefined) return false
  return x.header('transfer-encoding') === undefined && !(Number(x.header('content-length') ?? 0) > 0)
}

/**
 * Whoever calls as somebody else gets another answer: by whatever the route found out (the principal), by a
 * certificate, which instances are told of, and by the fields that carry credentials. What plugins make of a request
 * nobody knows, so that on their routes every field counts that is sent on.
 */
function cacheKey ({ id, hasPlugins }: RouteDraft, apiKeyHeader: string): (x: Exchange) => string {
  const credentials = ['authorization', 'cookie', apiKeyHeader]
  return x => {
    const principal = principalOf(x)
    const names = hasPlugins ? x.headerNames().filter(name => !OF_THE_CALL.has(name)) : credentials
    return JSON.stringify([id, x.host, x.path, x.query, x.upstreamUri, x.upstreamHost, principal?.kind, principal?.name,
      x.clientCertificate?.hash, names.map(name => [name, x.headerValues(name)])])
  }
}

/** Other with each request, whoever calls. */
const OF_THE_CALL: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'x-request-id', 'cache-control', 'pragma'])

function storedHeaders (x: Exchange): Array<readonly [string, string]> {
  return x.responseHeaderNames().filter(name => !NOT_STORED.has(name))
    .flatMap(name => x.responseHeaderValues(name).map(value => [name, value] as const))
}

function hit (found: CachedAnswer, nowMs: number): Reply {
  const seconds = Math.max(0, Math.floor((found.toldMs - nowMs) / 1_000))
  const control = found.headers.filter(([name]) => name === 'cache-control').map(([, value]) => value)
  return {
    status: found.status,
    headers: [...found.headers.filter(([name]) => name !== 'cache-control'), ['cache-control', maxAge(control, seconds)]],
    body: Buffer.from(found.body.buffer, found.body.byteOffset, found.body.byteLength),
    isUpstreams: true
  }
}

/** What is left of the freshness, in place of the fields that would have to be reckoned with its age. */
function tell (x: Exchange, seconds: number): void {
  const control = x.responseHeaderValues('cache-control')
  for (const name of ['pragma', 'expires', 'age']) x.removeResponseHeader(name)
  x.setResponseHeader('cache-control', maxAge(control, seconds))
}

/** The upstream's directives with our max-age; 0 says `no-cache, must-revalidate` as well. */
function maxAge (control: readonly string[], seconds: number): string {
  const others = control.join(',').split(',').map(part => part.trim()).filter(part => part !== '' && !/^max-age\s*=/i.test(part))
  return [...others, `max-age=${seconds}`, ...seconds === 0 ? ['no-cache', 'must-revalidate'] : []].join(',')
}
