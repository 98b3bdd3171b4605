import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { ResponseCache, type CachedAnswer } from '../cache/response-cache.ts'
import { call, gateway, upstream } from './harness.ts'

const yaml = (args: string) => `
spring.cloud.gateway.routes:
  - { id: cached, uri: lb://users, predicates: [ Path=/** ], filters: [ "LocalResponseCache=${args}", "AddResponseHeader=X-A, b" ] }
`

t.test('what is answered from memory, and what never is', async t => {
  let headers: Record<string, string> = {}
  const { port, calls } = await upstream(t, (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    response.end(`${calls()} ${request.url}`)
  })
  const { url } = await gateway(t, yaml('1m'), { users: [port] })
  const body = async (path: string, given = {}, method = 'GET') => (await call(`${url}${path}`, { headers: given, method })).body
  const first = await call(`${url}/a`)
  t.match(first, { body: '1 /a', headers: { 'cache-control': 'max-age=60', 'x-a': 'b' } })
  const second = await call(`${url}/a`)
  t.match(second, { body: '1 /a', headers: { 'cache-control': /^max-age=(60|59|5\d)$/ } })
  t.equal(second.headers['x-a'], 'b', 'a hit passes the other response filters once, and what is kept has not passed them')
  t.equal(await body('/a?x=1'), '2 /a?x=1')
  t.equal(await body('/a', { authorization: 'Basic x' }), '3 /a', 'other credentials')
  t.equal(await body('/a', { cookie: 'a=b' }), '4 /a', 'other cookies')
  t.equal(await body('/a', { 'cache-control': 'no-cache' }), '5 /a')
  t.equal(await body('/a'), '1 /a', 'no-cache passes by and changes nothing')
  t.equal(await body('/a', { range: 'bytes=0-1' }), '6 /a')
  t.equal(await body('/a', {}, 'POST'), '7 /a')
  for (const [name, value] of [['cache-control', 'no-store'], ['cache-control', 'private, max-age=5'], ['vary', '*'], ['set-cookie', 'a=b']] as const) {
    headers = { [name]: value }
    const before = await body(`/never-${name}-${value.length}`)
    t.not(await body(`/never-${name}-${value.length}`), before, `${name}: ${value}`)
  }
  headers = { vary: 'Accept-Language' }
  const en = await body('/vary', { 'accept-language': 'en' })
  const de = await body('/vary', { 'accept-language': 'de' })
  t.not(en, de)
  t.equal(await body('/vary', { 'accept-language': 'en' }), en)
  t.equal(await body('/vary', { 'accept-language': 'de' }), de)
})

t.test('what the service says of freshness: never kept longer, never told longer', async t => {
  let headers: Record<string, string> = {}
  const { port, calls } = await upstream(t, (_, response) => {
    response.writeHead(200, headers)
    response.end()
  })
  const { url } = await gateway(t, yaml('10s'), { users: [port] })
  let path = 0
  const twice = async (given: Record<string, string>, asked: Record<string, string> = {}) => {
    headers = given
    const before = calls()
    const at = `${url}/${++path}`
    const first = await call(at)
    const second = await call(at, { headers: asked })
    return { hits: calls() - before === 1, told: [first, second].map(one => one.headers['cache-control']), first }
  }
  const date = 'Tue, 01 Dec 2026 02:00:00 GMT'
  for (const stale of ['no-cache', 'no-cache="set-cookie"', 'max-age=0', 'max-age=100, s-maxage=0', 's-maxage=0', 'max-age=x', 'max-age=-1', 'max-age="0"', 'private="a"', 'NO-STORE', 'public,max-age = 0']) {
    const { hits, told } = await twice({ 'cache-control': stale })
    t.notOk(hits, stale)
    t.equal(told[0], stale, 'and the client is told what the service said')
  }
  for (const stale of [{ expires: '0' }, { expires: 'Tue, 01 Dec 2026 01:00:00 GMT', date }, { expires: date, date }, { 'cache-control': 'max-age=5', age: '5' },
    { pragma: 'no-cache' }, { age: '10' }, { vary: 'a, *' }]) t.notOk((await twice(stale)).hits, JSON.stringify(stale))
  const fresh: Array<[Record<string, string>, string]> = [
    [{}, 'max-age=10'], [{ 'cache-control': 'max-age=100' }, 'max-age=10'], [{ 'cache-control': 'max-age=3' }, 'max-age=3'],
    [{ 'cache-control': 'max-age=8', age: '5' }, 'max-age=3'], [{ 'cache-control': 'public, max-age=2, s-maxage=8' }, 'public,s-maxage=8,max-age=2'],
    [{ expires: 'Tue, 01 Dec 2026 02:00:04 GMT', date }, 'max-age=4'], [{ 'cache-control': 'max-age=6', expires: '0' }, 'max-age=6'],
    [{ 'cache-control': 'max-age=0, s-maxage=8' }, 's-maxage=8,max-age=0,no-cache,must-revalidate'], [{ 'cache-control': 'x="no-store, private"' }, 'x="no-store, private",max-age=10']
  ]
  for (const [given, told] of fresh) {
    const found = await twice(given)
    t.ok(found.hits, JSON.stringify(given))
    t.equal(found.told[0]?.replaceAll(', ', ','), told.replaceAll(', ', ','))
    t.equal(found.first.headers.age, undefined, 'the age is reckoned in')
  }
  for (const reload of [{ 'cache-control': 'max-age=0' }, { 'cache-control': 'no-cache' }, { pragma: 'no-cache' }, { 'cache-control': 'no-store' }]) {
    t.notOk((await twice({}, reload)).hits, JSON.stringify(reload))
  }
  t.ok((await twice({}, { 'cache-control': 'max-age=60' })).hits)
  t.ok((await twice({}, { pragma: 'no-cache', 'cache-control': 'max-age=60' })).hits, 'cache-control has the word')
})

t.test('whoever calls as somebody else is never given another\'s answer', async t => {
  const { port, calls } = await upstream(t, (request, response) => response.end(`${calls()} ${JSON.stringify(request.headers)}`))
  const key = (name: string) => ({ name, key: `${name}-key`, scopes: '' })
  const { url } = await gateway(t, `
breakwater.gateway:
  plugins: [ ${join(import.meta.dirname, 'fixtures/caller-plugin.mjs')} ]
  security:
    api-key-header: x-key
    api-keys: ${JSON.stringify([key('alice'), key('bob')])}
    users: [ { name: alice, password: pw, scopes: "" } ]
spring.cloud.gateway.filter.request-header-to-request-uri.enabled: true
spring.cloud.gateway.routes:
  - { id: known, uri: lb://users, predicates: [ Path=/known ], filters: [ "Authenticate=api-key,basic", RemoveRequestHeader=X-Key, RemoveRequestHeader=Authorization, "LocalResponseCache=1m" ] }
  - { id: open, uri: lb://users, predicates: [ Path=/open ], filters: [ "LocalResponseCache=1m" ] }
  - { id: plugin, uri: lb://users, predicates: [ Path=/plugin ], filters: [ "LocalResponseCache=1m", Caller ] }
  - { id: host, uri: lb://users, predicates: [ Path=/host, "Host={tenant}.a.org" ], filters: [ "AddRequestHeader=X-Tenant, {tenant}", "LocalResponseCache=1m" ] }
  - { id: target, uri: lb://users, predicates: [ Path=/target ], filters: [ "RequestHeaderToRequestUri=X-Target", "LocalResponseCache=1m" ] }
`, { users: [port] })
  const basic = (name: string) => ({ authorization: `Basic ${Buffer.from(`${name}:pw`).toString('base64')}` })
  const target = (host: string) => ({ 'x-target': `http://${host}:${port}/t` })
  for (const [path, one, other] of [
    ['/known', { 'x-key': 'alice-key' }, { 'x-key': 'bob-key' }],
    ['/known', { 'x-key': 'alice-key' }, basic('alice')],
    ['/open', { 'x-key': 'alice-key' }, { 'x-key': 'bob-key' }],
    ['/plugin', { 'x-session': 'a' }, { 'x-session': 'b' }],
    ['/host', { host: 'a.a.org' }, { host: 'b.a.org' }],
    ['/target', target('127.0.0.1'), target('localhost')]
  ] as Array<[string, Record<string, string>, Record<string, string>]>) {
    const body = async (headers: Record<string, string>) => (await call(`${url}${path}`, { headers })).body
    const first = await body(one)
    t.not(await body(other), first, `${path} ${JSON.stringify(other)}`)
    t.equal(await body(one), first, 'one\'s own is kept')
  }
})

t.test('a large or cut answer passes and is not kept', async t => {
  const { port, calls } = await upstream(t, (request, response) => {
    if (request.url === '/large') response.end(Buffer.alloc(1_100_000))
    else {
      response.setHeader('content-length', '100')
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    }
  })
  const { url } = await gateway(t, yaml('1m'), { users: [port] })
  for (let i = 1; i <= 2; i++) {
    t.equal((await call(`${url}/large`)).body.length, 1_100_000)
    t.equal(calls(), i)
  }
  for (let i = 0; i < 2; i++) await t.rejects(call(`${url}/cut`))
  t.equal(calls(), 4)
})

t.test('the cache never holds more bytes than it may, and counts them right', async t => {
  const answer = (bytes: number): CachedAnswer => ({ status: 200, headers: [], body: Buffer.alloc(bytes), storedMs: 0,
    expiresMs: 100, toldMs: 100, updatingMs: 0, failingMs: 0, hasValidator: false, target: { route: 'r', host: 'h', path: '/' } })
  const step = fc.record({ key: fc.integer({ min: 0, max: 9 }), bytes: fc.integer({ min: 0, max: 3_000 }),
    put: fc.boolean() })
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), steps => {
    const cache = new ResponseCache(8_000)
    for (const { key, bytes, put } of steps) {
      if (put) cache.put(`k${key}`, [], () => '', answer(bytes))
      else cache.get(`k${key}`, () => '', 0)
      if (cache.bytes > 8_000 || cache.bytes < 0) return false
    }
    for (let key = 0; key < 10; key++) cache.get(`k${key}`, () => '', 1_000)
    return cache.bytes === 0 && cache.size === 0
  }))
  const cache = new ResponseCache(3_000)
  for (const key of ['a', 'b']) cache.put(key, [], () => '', answer(900))
  cache.get('a', () => '', 0)
  cache.put('c', [], () => '', answer(900))
  t.ok(cache.get('a', () => '', 0), 'the one used last stays')
  t.notOk(cache.get('b', () => '', 0))
})
