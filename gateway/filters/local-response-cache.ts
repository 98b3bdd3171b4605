/**
 * `LocalResponseCache=5m,10MB`: GET answers from memory. Spring's rules, and three it lacks: an answer that sets a
 * cookie is nobody else's, a Range is not the whole, and what is stored is what the upstream sent, so that the other
 * response filters treat a hit like a miss.
 */
import { ResponseCache } from '../cache/response-cache.ts'
import type { Exchange, Reply } from '../exchange.ts'
import type { FilterFactory } from '../routes/factory.ts'
import { filterText } from './text.ts'

/** After the filters that decide who may and what is asked, so that a hit has passed them as well. */
const ORDER = 9_000
const KEY = 'LocalResponseCache'
const CACHEABLE: ReadonlySet<number> = new Set([200, 301])
/** Of the connection and the moment, not of the answer. */
const NOT_STORED: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'date', 'pragma', 'expires', 'trailer'])

export const localResponseCache: FilterFactory = {
  name: 'LocalResponseCache',
  fields: ['timeToLive', 'size'],
  create (args, draft, context) {
    const { responseCache: defaults } = context.options
    const ttlMs = args.durationMs('timeToLive', `${defaults.timeToLiveMs}ms`)
    // A size of the route's own is a cache of its own, as in Spring.
    const cache = args.has('size') ? new ResponseCache(args.bytes('size')) : context.responseCache
    const now = () => context.host.now()
    return {
      name: 'LocalResponseCache',
      order: ORDER,
      request (x) {
        if (!mayBeCached(x)) return undefined
        const key = cacheKey(draft.id, x)
        x.attributes ??= new Map()
        if (x.attributes.get(KEY) === 'hit') return undefined
        const found = cache.get(key, name => x.headerValues(name).join(), now())
        x.attributes.set(KEY, found === undefined ? key : 'hit')
        return found === undefined ? undefined : hit(found, now())
      },
      response (x) {
        const key = x.attributes?.get(KEY) as string | undefined
        if (key === undefined || key === 'hit' || !mayBeStored(x)) return
        const vary = x.responseHeaderValues('vary').flatMap(value => value.toLowerCase().split(',')).map(name => name.trim())
        const asked = new Map(vary.map(name => [name, x.headerValues(name).join()]))
        const headers = storedHeaders(x)
        const { status } = x
        x.copyResponseBody(defaults.maxEntryBytes, body => {
          const storedMs = now()
          cache.put(key, vary, name => asked.get(name) ?? '', { status, headers, body, storedMs, expiresMs: storedMs + ttlMs })
        })
        freshness(x, Math.floor(ttlMs / 1_000))
      },
      toString: () => filterText('LocalResponseCache', ['timeToLive', `${ttlMs}ms`], ['size', args.optional('size') ?? null])
    }
  }
}

/** A GET without a body that did not ask for a part, nor forbid it. */
function mayBeCached (x: Exchange): boolean {
  if (x.method !== 'GET' || x.header('range') !== undefined) return false
  if (x.header('transfer-encoding') !== undefined || Number(x.header('content-length') ?? 0) > 0) return false
  const control = x.headerValues('cache-control').join().toLowerCase()
  return !control.includes('no-store') && !control.includes('no-cache')
}

function mayBeStored (x: Exchange): boolean {
  if (x.failure !== undefined || !CACHEABLE.has(x.status) || x.responseHeader('set-cookie') !== undefined) return false
  const control = x.responseHeaderValues('cache-control').join().toLowerCase()
  return !/no-store|private/.test(control) && !x.responseHeaderValues('vary').join().includes('*')
}

/** Whoever has other credentials or cookies gets another answer. */
function cacheKey (routeId: string, x: Exchange): string {
  return [routeId, x.host, `${x.path}?${x.query}`, x.headerValues('authorization').join(), x.headerValues('cookie').join(';')].join('\n')
}

function storedHeaders (x: Exchange): Array<readonly [string, string]> {
  return x.responseHeaderNames().filter(name => !NOT_STORED.has(name))
    .flatMap(name => x.responseHeaderValues(name).map(value => [name, value] as const))
}

function hit (found: { status: number, headers: Reply['headers'], body: Buffer, expiresMs: number }, nowMs: number): Reply {
  const seconds = Math.max(0, Math.floor((found.expiresMs - nowMs) / 1_000))
  const control = found.headers.find(([name]) => name === 'cache-control')?.[1]
  return {
    status: found.status,
    headers: [...found.headers.filter(([name]) => name !== 'cache-control'), ['cache-control', maxAge(control, seconds)]],
    body: found.body
  }
}

function freshness (x: Exchange, seconds: number): void {
  x.removeResponseHeader('pragma')
  x.removeResponseHeader('expires')
  x.setResponseHeader('cache-control', maxAge(x.responseHeader('cache-control'), seconds))
}

/** The upstream's directives with our max-age; 0 says `no-cache, must-revalidate` as well. */
function maxAge (control: string | undefined, seconds: number): string {
  const others = (control ?? '').split(',').map(part => part.trim()).filter(part => part !== '' && !/^max-age=/i.test(part))
  return [...others, `max-age=${seconds}`, ...seconds === 0 ? ['no-cache', 'must-revalidate'] : []].join(',')
}
