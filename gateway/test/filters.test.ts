import t, { type Test } from 'tap'
import { compiled, request, through } from './exchange.ts'
import { call, gateway, upstream } from './harness.ts'

const routes = (filters: unknown[], path = '/**') => [{ id: 'r', uri: 'http://localhost:1', predicates: [`Path=${path}`], filters }]

async function run (filters: unknown[], url: string, headers = {}, path = '/**', options = {}) {
  return through(compiled(routes(filters, path), options).table, request(url, headers))
}

t.test('paths: the vectors of Spring\'s own tests', async t => {
  const table: Array<[unknown[], string, string, string?]> = [
    [['StripPrefix=1'], '/foo/bar', '/bar'],
    [['StripPrefix'], '/foo/bar', '/bar'],
    [['StripPrefix=2'], '/foo/bar', '/'],
    [['StripPrefix=2'], '/foo/bar/', '/'],
    [['StripPrefix=2'], '/', '/'],
    [['StripPrefix=0'], '/foo/bar/', '/foo/bar/'],
    [['StripPrefix=4'], '/this/is/a/long/path/with/a/lot/of/slashes', '/path/with/a/lot/of/slashes'],
    [['StripPrefix=1'], '//a//b', '/b'],
    [['RewritePath=/foo, /baz'], '/foo/bar?name=%E6%89%8E%E6%A0%B9', '/baz/bar'],
    [['RewritePath=/foo, /baz'], '/foo/bar%20foobar', '/baz/bar%20foobar'],
    [['RewritePath=/foo/(?<id>\\d.*), /bar/baz/$\\{id}'], '/foo/123', '/bar/baz/123'],
    [['RewritePath=/users/?(?<remaining>.*), /$\\{remaining}'], '/users/a/b', '/a/b'],
    [['RewritePath=/users/?(?<remaining>.*), /$\\{remaining}'], '/users', '/'],
    [['RewritePath=/users/?(?<remaining>.*), /$\\{remaining}'], '/users/', '/'],
    [['SetPath=/bar/baz/{id}'], '/foo/123', '/bar/baz/123', '/foo/{id}'],
    [['SetPath=/bar/baz/{id}'], '/foo/12%203', '/bar/baz/12%203', '/foo/{id}'],
    [['SetPath=/{org}/{scope}/function'], '/123/abc', '/123/abc/function', '/{org}/{scope}'],
    [['PrefixPath=/p', 'PrefixPath=/p'], '/x', '/p/x'],
    [['PrefixPath=/{v}'], '/x', '/x/x', '/{v}']
  ]
  for (const [filters, url, wanted, path] of table) {
    const { x } = await run(filters, url, {}, path)
    t.equal(x.path, wanted, `${filters.join(' ')} ${url}`)
  }
  const { x } = await run(['RewritePath=/foo, /baz'], '/foo/bar?name=%E6%89%8E%E6%A0%B9')
  t.equal(x.query, 'name=%E6%89%8E%E6%A0%B9', 'the bytes of the query stay')
})

t.test('request headers', async t => {
  const { x } = await run([
    'AddRequestHeader=X-A, {v}', 'AddRequestHeader=X-B, two', 'SetRequestHeader=X-C, new', 'RemoveRequestHeader=X-D',
    'MapRequestHeader=X-E, X-F', 'MapRequestHeader=X-None, X-G', 'AddRequestHeadersIfNotPresent=X-B:no,X-H:1,X-H:2,X-I:blank'
  ], '/seg', { 'x-b': 'one', 'x-c': 'old', 'x-d': 'gone', 'x-e': 'mapped', 'x-i': ' ' }, '/{v}')
  t.strictSame(Object.fromEntries(x.request), {
    'x-a': ['seg'], 'x-b': ['one', 'two'], 'x-c': ['new'], 'x-e': ['mapped'], 'x-f': ['mapped'], 'x-h': ['1', '2'], 'x-i': ['blank']
  })
  const hosts = await run(['PreserveHostHeader'], '/', { host: 'client.org' })
  t.equal(hosts.x.upstreamHost, 'client.org')
  t.equal((await run(['SetRequestHostHeader=a.org'], '/')).x.upstreamHost, 'a.org')
})

t.test('a variable cannot break out of its header', async t => {
  const { x } = await run(['AddRequestHeader=X-A, {v}'], '/a%0d%0aX-Evil:%201', {}, '/{v}')
  t.equal(x.header('x-a'), 'a%0D%0AX-Evil:%201')
  t.equal((await run(['AddRequestHeader=X-A, {__proto__}'], '/a')).x.header('x-a'), '', 'unknown variables are empty')
})

t.test('parameters', async t => {
  const query = async (filter: string, url: string) => (await run([filter], url)).x.query
  t.equal(await query('AddRequestParameter=red, blue', '/?a=%20b'), 'a=%20b&red=blue')
  t.equal(await query('AddRequestParameter=red, blue', '/'), 'red=blue')
  t.equal(await query('AddRequestParameter=red, b&x y', '/'), 'red=b%26x%20y')
  t.equal(await query('RemoveRequestParameter=red', '/?red=1&b=%7E&red=2'), 'b=%7E')
  t.equal(await query('RewriteRequestParameter=campaign, fall2023', '/?campaign=old&q=1'), 'q=1&campaign=fall2023')
  t.equal(await query('RewriteRequestParameter=campaign, fall2023', '/?q=1'), 'q=1')
})

/** A route whose service answers with `headers`, asked through a gateway. */
async function answered (t: Test, filters: string[], headers: Record<string, string | string[]>, path = '/', settings = '') {
  const { port } = await upstream(t, (_, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    response.end()
  })
  const { url } = await gateway(t, `${settings}spring.cloud.gateway.routes: ${JSON.stringify([{ id: 'r', uri: 'lb://users', predicates: ['Path=/**'], filters }])}`,
    { users: [port] })
  return call(`${url}${path}`, { headers: { host: 'api.example.com' } })
}

t.test('response headers', async t => {
  const answer = await answered(t, [
    'AddResponseHeader=X-A, 2', 'AddResponseHeader=X-B, no, false', 'AddResponseHeader=X-C, yes, false', 'SetResponseHeader=X-D, new',
    'RemoveResponseHeader=X-E', 'DedupeResponseHeader=X-F X-G', 'DedupeResponseHeader=X-H, RETAIN_LAST',
    'DedupeResponseHeader=X-I, RETAIN_UNIQUE', 'RewriteResponseHeader=X-J, password=[^&]+, password=***'
  ], {
    'x-a': '1', 'x-b': 'b', 'x-d': 'old', 'x-e': 'e', 'x-f': ['1', '2'], 'x-g': '1', 'x-h': ['1', '2'],
    'x-i': ['1', '2', '1'], 'x-j': '/42?user=ford&password=omg!what&flag=true'
  })
  t.strictSame(Object.fromEntries(Object.entries(answer.headers).filter(([name]) => name.startsWith('x-'))), {
    'x-a': '1, 2', 'x-b': 'b', 'x-c': 'yes', 'x-d': 'new', 'x-f': '1', 'x-g': '1', 'x-h': '2', 'x-i': '1, 2',
    'x-j': '/42?user=ford&password=***&flag=true'
  })
})

t.test('RewriteLocationResponseHeader', async t => {
  const location = async (filter: string, path: string, from: string) =>
    (await answered(t, [filter], { location: from }, path)).headers.location
  const service = 'https://object-service.prod.example.net/v2/some/object/id'
  t.equal(await location('RewriteLocationResponseHeader=AS_IN_REQUEST, Location, , ', '/some/object/name', service),
    'https://api.example.com/some/object/id')
  t.equal(await location('RewriteLocationResponseHeader', '/v1/x', service), 'https://api.example.com/v2/some/object/id')
  t.equal(await location('RewriteLocationResponseHeader=NEVER_STRIP', '/x', service), 'https://api.example.com/v2/some/object/id')
  t.equal(await location('RewriteLocationResponseHeader=ALWAYS_STRIP', '/v1/x', service), 'https://api.example.com/some/object/id')
  t.equal(await location('RewriteLocationResponseHeader', '/x', '/relative'), '/relative')
})

t.test('RedirectTo and SetStatus', async t => {
  const { reply } = await run(['RedirectTo=302, https://acme.org, true'], '/a?x=1')
  t.match(reply, { status: 302, headers: [['location', 'https://acme.org?x=1']] })
  t.throws(() => compiled(routes(['RedirectTo=200, https://acme.org'])), { message: /3xx/ })
  const name = 'spring.cloud.gateway.set-status.original-status-header-name: original-http-status\n'
  t.match(await answered(t, ['SetStatus=UNAUTHORIZED'], {}, '/', name), { status: 401, headers: { 'original-http-status': '[200]' } })
  t.throws(() => compiled(routes(['SetStatus=NOPE'])), { message: /404 or NOT_FOUND/ })
})

t.test('FallbackHeaders sends all four headers, on a fallback only', async t => {
  const { table } = compiled(routes(['FallbackHeaders']))
  t.equal((await through(table, request('/'))).x.header('execution-exception-type'), undefined)
  const x = request('/')
  x.failure = { kind: 'timeout', message: 'no answer\r\nafter 1 s' }
  await through(table, x)
  t.strictSame(Object.fromEntries(x.request), {
    'execution-exception-type': ['TimeoutError'],
    'execution-exception-message': ['no answer??after 1 s'],
    'root-cause-exception-type': ['TimeoutError'],
    'root-cause-exception-message': ['no answer??after 1 s']
  })
})

t.test('CircuitBreaker: shared by name, statuses, fallback with variables', async t => {
  const { table } = compiled([
    { id: 'a', uri: 'http://localhost:1', predicates: ['Path=/a/{*rest}'], filters: [{ name: 'CircuitBreaker',
      args: { name: 'shared', fallbackUri: 'forward:/f/{rest}', statusCodes: [500, 'NOT_FOUND', 'nonsense'] } }] },
    { id: 'b', uri: 'http://localhost:1', predicates: ['Path=/b'], filters: ['CircuitBreaker=shared'] },
    { id: 'c', uri: 'http://localhost:1', predicates: ['Path=/c'], filters: ['CircuitBreaker'] }
  ])
  const [a, b, c] = table.routes
  t.equal(a?.breaker, b?.breaker)
  t.equal(c?.breaker?.name, 'c')
  t.strictSame([...a?.failureStatuses ?? []], [500, 404])
  t.equal(a?.responseTimeoutMs, 0, 'no hidden time limit')
  const x = request('/a/users/1')
  table.match(x)
  t.equal(a?.fallback?.(x), '/f/users/1')
  t.throws(() => compiled(routes([{ name: 'CircuitBreaker', args: { fallbackUri: 'http://x' } }])), { message: /forward:/ })
})

t.test('texts are Spring\'s', async t => {
  const { table } = compiled([{ id: 'r', uri: 'http://localhost:1', predicates: ['Host=**.a.org', 'Path=/h'],
    filters: ['AddRequestHeader=X, Y', 'StripPrefix=1'] }])
  t.strictSame(table.routes[0]?.predicates.map(String), ['Hosts: [**.a.org]', 'Paths: [/h], match trailing slash: true'])
  t.strictSame(table.routes[0]?.filters.map(String), ["[AddRequestHeader X = 'Y']", '[StripPrefix parts = 1]'])
})
