/**
 * What Spring Cloud Gateway is asked, and ours after it: a route for each case, chosen by the field `x-case` so that
 * path and query are free, and its requests. Not in it: what has no answer of its own to compare (LocalResponseCache,
 * RequestRateLimiter, TokenRelay, JsonToGrpc, RequestHeaderToRequestUri, Version, ReadBody).
 */

/** A request of a case, and what the service behind the gateway is told to answer. */
export interface Ask {
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The service's answer; without `body` it tells what it was sent. */
  readonly answer?: { status?: number, headers?: ReadonlyArray<readonly [string, string]>, body?: string }
}

export interface Case {
  readonly id: string
  readonly predicates?: readonly unknown[]
  readonly filters?: readonly unknown[]
  readonly metadata?: object
  readonly asks: readonly Ask[]
}

/** One start of a gateway. */
export interface World {
  readonly name: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly cases: readonly Case[]
}

const GATEWAY = 'spring.cloud.gateway.server.webflux'

const get = (path: string, headers: Record<string, string> = {}): Ask => ({ path, headers })
const paths = (...all: string[]): Ask[] => all.map(path => ({ path }))
const given = (...headers: Array<readonly [string, string]>): Ask => ({ answer: { headers } })
const full = (name: string, args: object) => ({ name, args })
/** A case of filters alone. */
const filters = (id: string, list: readonly unknown[], ...asks: Ask[]): Case =>
  ({ id, filters: list, asks: asks.length === 0 ? [{}] : asks })
const predicates = (id: string, list: readonly unknown[], ...asks: Ask[]): Case => ({ id, predicates: list, asks })

const PREDICATES: readonly Case[] = [
  predicates('after', ['After=2017-01-20T17:42:47.789-07:00[America/Denver]'], {}),
  predicates('after-future', ['After=2117-01-20T17:42:47.789-07:00[America/Denver]'], {}),
  predicates('before', ['Before=2117-01-20T17:42:47.789-07:00[America/Denver]'], {}),
  predicates('between', ['Between=2017-01-20T17:42:47.789Z, 2117-01-21T17:42:47.789Z'], {}),
  predicates('between-millis', ['Between=1500000000000, 1500000000001'], {}),
  predicates('cookie', ['Cookie=chocolate, ch.p'], get('/', { cookie: 'a=b; chocolate=chip' }), get('/', { cookie: 'chocolate=chipper' }), {}),
  predicates('header', ['Header=X-Request-Id, \\d+'], get('/', { 'x-request-id': '12' }), get('/', { 'x-request-id': '12a' }),
    get('/', { 'x-request-id': 'a,12' }), {}),
  predicates('header-presence', ['Header=X-Some'], get('/', { 'x-some': '' }), {}),
  predicates('host', ['Host=**.somehost.org,{sub}.other.org'], get('/', { host: 'www.somehost.org' }), get('/', { host: 'somehost.org' }),
    get('/', { host: 'a.other.org' }), get('/', { host: 'a.b.other.org' })),
  predicates('method', ['Method=GET,POST'], {}, { method: 'POST', body: 'x' }, { method: 'DELETE' }),
  predicates('path', ['Path=/red/{segment},/blue/{segment}'], ...paths('/red/1', '/red/1/2', '/blue/green', '/red', '/red/%C3%A4', '/red/a%2Fb')),
  predicates('path-below', ['Path=/a/**'], ...paths('/a', '/a/', '/a/b/c', '/ab')),
  predicates('path-wild', ['Path=/x?z/*.html'], ...paths('/xyz/a.html', '/xz/a.html', '/xyz/a/b.html')),
  predicates('path-regex', [full('Path', { patterns: '/n/{id:\\d{1,3}}' })], ...paths('/n/12', '/n/1234', '/n/a')),
  predicates('path-rest', ['Path=/r/{*rest}'], ...paths('/r/a/b', '/r', '/r/')),
  predicates('query', ['Query=green'], ...paths('/?green=1', '/?green', '/?Green=1', '/?greener=1')),
  predicates('query-regexp', ['Query=red, gree.'], ...paths('/?red=green', '/?red=greet', '/?red=greens', '/?red=a&red=green', '/?red=gr%65en')),
  predicates('remote-addr', ['RemoteAddr=127.0.0.1/8'], {}),
  predicates('remote-addr-other', ['RemoteAddr=10.0.0.1'], {}),
  predicates('xf-remote-addr', ['XForwardedRemoteAddr=10.0.0.0/8'], get('/', { 'x-forwarded-for': '1.1.1.1, 10.1.1.1' }),
    get('/', { 'x-forwarded-for': '10.1.1.1, 1.1.1.1' }), {}),
  predicates('weight', ['Weight=group1, 1'], {}),
  predicates('cloud-foundry', ['CloudFoundryRouteService='], {}, get('/', { 'x-cf-forwarded-url': 'http://a', 'x-cf-proxy-signature': 's', 'x-cf-proxy-metadata': 'm' })),
  predicates('regex-intersection', ['Header=X-R, [a-z&&[^m]]+'], get('/', { 'x-r': 'abc' }), get('/', { 'x-r': 'ama' }), get('/', { 'x-r': 'a&' })),
  predicates('regex-union', ['Header=X-R, [a-c[x-z]]+'], get('/', { 'x-r': 'ax' }), get('/', { 'x-r': 'm' }), get('/', { 'x-r': '[' })),
  predicates('regex-quoted', ['Header=X-R, \\Qa.b\\E+'], get('/', { 'x-r': 'a.bb' }), get('/', { 'x-r': 'axb' })),
  predicates('regex-flags', ['Header=X-R, (?i)abc'], get('/', { 'x-r': 'aBc' })),
  predicates('regex-flags-group', ['Header=X-R, a(?i:b)c'], get('/', { 'x-r': 'aBc' }), get('/', { 'x-r': 'ABc' })),
  predicates('regex-horizontal', ['Header=X-R, a\\h+b'], get('/', { 'x-r': 'a  b' }), get('/', { 'x-r': 'ahb' })),
  predicates('regex-posix', ['Header=X-R, \\p{Lower}+\\p{Punct}'], get('/', { 'x-r': 'ab!' }), get('/', { 'x-r': 'aB!' })),
  predicates('regex-posix-not', ['Header=X-R, \\P{Digit}+'], get('/', { 'x-r': 'ab!' }), get('/', { 'x-r': 'a1' })),
  predicates('regex-hex', ['Header=X-R, \\x41\\x{42}\\u0043'], get('/', { 'x-r': 'ABC' })),
  predicates('regex-word', ['Header=X-R, \\bab\\b\\W\\d'], get('/', { 'x-r': 'ab-1' })),
  predicates('regex-script', ['Header=X-R, \\p{IsLatin}+\\p{javaLowerCase}'], get('/', { 'x-r': 'Abc' }), get('/', { 'x-r': 'ab1' }))
]

const PATHS: readonly Case[] = [
  filters('strip', ['StripPrefix=2'], ...paths('/foo/bar', '/foo/bar/', '/foo/bar/baz?a=%20b', '/', '/a')),
  filters('strip-surplus', ['StripPrefix=1,x'], ...paths('/foo/bar')),
  filters('prefix', ['PrefixPath=/p', 'PrefixPath=/q'], ...paths('/x', '/')),
  filters('prefix-surplus', ['PrefixPath=/a,/b'], ...paths('/x')),
  filters('rewrite-path', ['RewritePath=/foo/?(?<segment>.*), /$\\{segment}'], ...paths('/foo/bar', '/foo', '/foo/a%20b?c=%20d')),
  filters('rewrite-path-possessive', ['RewritePath=/[^/]++/(?<rest>.*), /x/$\\{rest}'], ...paths('/foo/bar')),
  { id: 'set-path', predicates: ['Path=/set/{segment}'], filters: ['SetPath=/{segment}/x'], asks: paths('/set/a', '/set/a%20b') },
  filters('add-parameter', ['AddRequestParameter=red, blue'], ...paths('/?a=%20b', '/')),
  filters('remove-parameter', ['RemoveRequestParameter=red'], ...paths('/?red=1&b=c&red=2', '/?b=c')),
  filters('rewrite-parameter', ['RewriteRequestParameter=campaign, fall2023'], ...paths('/?campaign=old&q=1', '/?q=1')),
  filters('slashes', [], ...paths('/a//b', '//a', '/a/b//')),
  { id: 'set-uri', predicates: ['Path=/uri/{rest}'], filters: ['SetRequestUri=SERVICE/to/{rest}'], asks: paths('/uri/a?b=c') }
]

const REQUESTS: readonly Case[] = [
  filters('add-header', ['AddRequestHeader=X-A, one', 'AddRequestHeader=X-A, two'], {}, get('/', { 'x-a': 'zero' })),
  filters('add-header-absent', ['AddRequestHeadersIfNotPresent=X-A:1,X-B:2,X-A:3'], get('/', { 'x-b': 'b' }), {}),
  filters('set-header', ['SetRequestHeader=X-A, new'], {}, get('/', { 'x-a': 'old' })),
  filters('remove-header', ['RemoveRequestHeader=X-A'], get('/', { 'x-a': 'old', 'x-b': 'b' })),
  filters('map-header', ['MapRequestHeader=X-A, X-B'], get('/', { 'x-a': '1' }), get('/', { 'x-a': '1', 'x-b': '0' }), {}),
  filters('preserve-host', ['PreserveHostHeader'], get('/', { host: 'client.org' })),
  filters('set-host', ['SetRequestHostHeader=a.org'], {}),
  filters('header-size', ['RequestHeaderSize=40B'], get('/', { 'x-a': 'x'.repeat(41) }), get('/', { 'x-a': 'x'.repeat(20) })),
  filters('size', ['RequestSize=5B'], ...[6, 5].map(n => ({ method: 'POST', headers: { 'content-length': String(n) }, body: 'x'.repeat(n) }))),
  filters('save-session', ['SaveSession'], {}),
  filters('cache-body', [full('CacheRequestBody', { bodyClass: 'java.lang.String' })], { method: 'POST', body: 'kept' }),
  filters('fallback-headers', ['FallbackHeaders'], {}),
  filters('retry', ['Retry=1'], { answer: { status: 404 } }, { method: 'POST', body: 'x', answer: { status: 503 } }),
  filters('breaker', ['CircuitBreaker=b'], {}, { answer: { status: 500 } }),
  filters('breaker-surplus', ['CircuitBreaker=name=talkBreaker,fallbackUri=/alt'], {})
]

const RESPONSE = [['X-D', 'up'], ['X-E', 'kept']] as const

const ANSWERS: readonly Case[] = [
  filters('set-status', ['SetStatus=401'], {}),
  filters('set-status-name', ['SetStatus=NOT_FOUND'], { answer: { status: 201 } }),
  filters('set-status-twice', ['SetStatus=401', 'SetStatus=402'], {}),
  filters('redirect', ['RedirectTo=302, https://acme.org'], get('/a?b=c')),
  filters('redirect-query', ['RedirectTo=302, https://acme.org, true'], get('/a?b=c')),
  filters('add-response-absent', ['AddResponseHeader=X-D, no, false', 'AddResponseHeader=X-F, yes, false'], given(...RESPONSE)),
  filters('set-response-surplus', ['SetResponseHeader=Cache-Control, no-cache, no-store'], {}),
  filters('dedupe', ['DedupeResponseHeader=X-F X-G, RETAIN_UNIQUE'], given(['X-F', '1'], ['X-F', '2'], ['X-F', '1'], ['X-G', '1'])),
  filters('dedupe-last', ['DedupeResponseHeader=X-F, RETAIN_LAST'], given(['X-F', '1'], ['X-F', '2'])),
  filters('rewrite-response', ['RewriteResponseHeader=X-D, u(?<r>.), $\\{r}u'], given(...RESPONSE), {}),
  filters('rewrite-location', ['RewriteLocationResponseHeader=AS_IN_REQUEST, Location, ,'],
    { path: '/some/object', headers: { host: 'api.example.com' }, answer: { status: 201, headers: [['Location', 'https://object.example.net/v2/some/id']] } },
    { path: '/v1/some', headers: { host: 'api.example.com' }, answer: { status: 201, headers: [['Location', 'https://object.example.net/v2/some/id']] } }),
  filters('secure-headers', ['SecureHeaders'], {}, given(['X-Frame-Options', 'SAMEORIGIN'])),
  filters('secure-headers-remove', ['RemoveResponseHeader=X-Frame-Options', 'SecureHeaders'], {}),
  filters('redirect-before', ['AddResponseHeader=X-A, 1', 'SecureHeaders', 'SetStatus=401', 'RedirectTo=302, https://acme.org'], {}),
  filters('redirect-after', ['RedirectTo=302, https://acme.org', 'AddResponseHeader=X-A, 1'], {}),
  filters('json-remove', ['RemoveJsonAttributesResponseBody=id'],
    { answer: { headers: [['Content-Type', 'application/json']], body: '{"id":1,"orderId":1234567890123456789}' } },
    { answer: { headers: [['Content-Type', 'application/json']], body: '{"a":{"id":1},"f":1.50}' } },
    { answer: { headers: [['Content-Type', 'text/plain']], body: '{"id":1}' } }),
  filters('json-remove-deep', ['RemoveJsonAttributesResponseBody=id,b,true'],
    { answer: { headers: [['Content-Type', 'application/json']], body: '{"id":1,"a":[{"b":2,"c":{"id":3,"d":4}}]}' } })
]

/** Of a filter that answers itself the others see little. */
const REPLIES: readonly Case[] = [
  'AddResponseHeader=X-A, 1', 'SetResponseHeader=Location, x', 'RemoveResponseHeader=Location', 'DedupeResponseHeader=Location',
  'RewriteResponseHeader=Location, acme, x', 'RewriteLocationResponseHeader=NEVER_STRIP, Location, gateway.org, ', 'SetStatus=418', 'SecureHeaders'
].flatMap((edit, n) => [
  filters(`reply-behind-${n}`, [edit, 'RedirectTo=302, https://acme.org/v1/x']),
  filters(`reply-before-${n}`, ['RedirectTo=302, https://acme.org/v1/x', edit])
])

/** Every filter of the answer with every other, both ways round. */
const EDITS: Readonly<Record<string, string>> = {
  add: 'AddResponseHeader=X-D, added', set: 'SetResponseHeader=X-D, set', remove: 'RemoveResponseHeader=X-D',
  dedupe: 'DedupeResponseHeader=X-D', last: 'DedupeResponseHeader=X-D, RETAIN_LAST', rewrite: 'RewriteResponseHeader=X-D, d, DD',
  absent: 'AddResponseHeader=X-D, absent, false', location: 'RewriteLocationResponseHeader=NEVER_STRIP, X-D, gateway.org, ',
  status: 'SetStatus=418', url: 'AddResponseHeader=X-D, http://up.org/v1/x', secure: full('SecureHeaders', {}) as never
}

function pairs (defaults: boolean): Case[] {
  const names = Object.keys(EDITS)
  return names.flatMap(one => names.map(other => filters(`${defaults ? 'default' : 'pair'}-${one}-${other}`,
    [EDITS[one], EDITS[other]], given(['X-D', 'old'], ['X-D', 'd']))))
}

/** One start of a gateway for each question that concerns all of its routes. */
export const WORLDS: readonly World[] = [
  { name: 'routes', settings: {}, cases: [...PREDICATES, ...PATHS, ...REQUESTS, ...ANSWERS, ...REPLIES, ...pairs(false)] },
  {
    name: 'default-filters',
    settings: { [`${GATEWAY}.default-filters`]: ['AddResponseHeader=X-O, d1', 'AddResponseHeader=X-O, d2', 'SetResponseHeader=X-S, d', 'RewriteResponseHeader=X-D, d, DD'] },
    cases: [
      filters('order', ['AddResponseHeader=X-O, r1', 'AddResponseHeader=X-O, r2']),
      filters('last-word', ['AddResponseHeader=X-N, 1', 'AddResponseHeader=X-N, 2', 'SetResponseHeader=X-S, r']),
      filters('request-order', ['AddRequestHeader=X-O, r1', 'AddResponseHeader=X-S, r']),
      ...pairs(true)
    ]
  },
  {
    name: 'cors',
    settings: {
      [`${GATEWAY}.globalcors.cors-configurations.[/**]`]: { allowedOrigins: 'https://a.org', allowedMethods: ['GET'] },
      [`${GATEWAY}.default-filters`]: ['AddResponseHeader=X-O, d']
    },
    cases: [
      filters('cors', [], get('/', { origin: 'https://a.org' }), get('/', { origin: 'https://b.org' }), {}),
      filters('cors-preflight', [], { method: 'OPTIONS', headers: { origin: 'https://a.org', 'access-control-request-method': 'GET' } }),
      filters('cors-remove', ['RemoveResponseHeader=Access-Control-Allow-Origin'], get('/', { origin: 'https://a.org' })),
      filters('cors-set', ['SetResponseHeader=Access-Control-Allow-Origin, x'], get('/', { origin: 'https://a.org' })),
      filters('cors-upstream', ['DedupeResponseHeader=Access-Control-Allow-Origin'],
        { headers: { origin: 'https://a.org' }, answer: { headers: [['Access-Control-Allow-Origin', '*']] } }),
      filters('cors-redirect', ['RedirectTo=302, https://acme.org'], get('/', { origin: 'https://a.org' }))
    ]
  }
]
