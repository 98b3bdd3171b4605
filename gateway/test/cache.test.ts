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
  t.match(second, { body: '1 /a', headers: { 'x-a': 'b', 'cache-control': /^max-age=(60|59|5\d)$/ } }, 'a hit passes the other response filters once')
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
    expiresMs: 100 })
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
