import t from 'tap'
import type { ServerResponse } from 'node:http'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deadPort } from '../../starter/test/ports.ts'
import { call, echo, gateway, upstream, until } from './harness.ts'
import { heldClock } from './raw.ts'

interface Echoed { method: string, url: string, body: string, headers: Record<string, string> }

t.test('an application.yml of the documentation\'s kind runs unchanged', async t => {
  const { port } = await upstream(t, echo)
  const failing = await upstream(t, (_, response) => { response.statusCode = 502; response.end() })
  const dead = await deadPort()
  const yaml = (await readFile(join(import.meta.dirname, 'fixtures/spring-application.yml'), 'utf8'))
  const { url } = await gateway(t, yaml.replace('management:', 'management:\n  server:\n    port: 0'),
    { users: [port], failing: [failing.port], ingredients: [dead] }, { SERVER_PORT: '0' })
  const ask = async (path: string, headers: Record<string, string> = {}, method = 'GET', body?: string) => {
    const answer = await call(`${url}${path}`, { headers, method, ...body === undefined ? {} : { body } })
    return { ...answer, echoed: (answer.body.startsWith('{"method') ? JSON.parse(answer.body) : {}) as Partial<Echoed> }
  }
  t.match(await ask('/after'), { status: 200, headers: { 'x-response-default-red': 'Default-Blue' } })
  t.equal((await ask('/cookie', { cookie: 'chocolate=chip' })).status, 200)
  t.equal((await ask('/cookie')).status, 404)
  t.equal((await ask('/header', { 'x-request-id': '12' })).status, 200)
  t.equal((await ask('/header', { 'x-request-id': 'a' })).status, 404)
  t.match((await ask('/any', { host: 'red.myhost.org' })).echoed, { headers: { 'x-sub': 'red' } })
  t.equal((await ask('/query?red=green')).status, 200)
  t.equal((await ask('/remote')).status, 200)
  t.equal((await ask('/weight')).status, 200)
  t.match((await ask('/foo/bar?a=%20b')).echoed, { url: '/bar?a=%20b' })
  t.match((await ask('/red/blue')).echoed, { url: '/blue' })
  const name = await ask('/name/blue/red', { 'x-request-foo': 'x', host: 'client.example' })
  t.match(name, { headers: { 'x-response-red': 'Blue' }, echoed: { url: '/mypath/red', headers: { host: 'client.example' } } })
  t.notOk(name.echoed.headers?.['x-request-foo'])
  t.match(await ask('/acme'), { status: 302, headers: { location: 'https://acme.org' } })
  t.equal((await ask('/delay/1')).status, 200)
  t.equal((await ask('/nowhere')).status, 404)

  const fallback = await ask('/ingredients/1?q=1', { 'content-type': 'text/plain' }, 'POST', 'salt')
  t.match(fallback, { status: 200, echoed: { method: 'POST', url: '/fallback?q=1', body: 'salt', headers: { 'test-header': 'ConnectError' } } },
    'another route is the fallback, method, body and query kept')

  t.equal((await ask('/retry')).status, 502)
  t.equal(failing.calls(), 4, 'one try and three retries')
  await ask('/retry', {}, 'POST', 'x')
  t.equal(failing.calls(), 8)
})

t.test('breaker: open is 503 without a call; a status list counts; recovery by its wait', async t => {
  let status = 404
  const users = await upstream(t, (_, response) => { response.statusCode = status; response.end() })
  const { url, log } = await gateway(t, `
resilience4j.circuitbreaker.instances:
  b: { slidingWindowSize: 4, minimumNumberOfCalls: 4, waitDurationInOpenState: 1h }
  c: { slidingWindowSize: 4, minimumNumberOfCalls: 4, waitDurationInOpenState: 100ms, permittedNumberOfCallsInHalfOpenState: 2 }
spring.cloud.gateway.routes:
  - { id: users, uri: lb://users, predicates: [ Path=/users ], filters: [ { name: CircuitBreaker, args: { name: b, statusCodes: [ 500, NOT_FOUND ] } } ] }
  - { id: again, uri: lb://users, predicates: [ Path=/again ], filters: [ { name: CircuitBreaker, args: { name: c, statusCodes: [ 404 ] } } ] }
  - id: soft
    uri: lb://users
    predicates: [ Path=/soft ]
    filters: [ { name: CircuitBreaker, args: { statusCodes: [ 404 ], fallbackUri: "forward:/instead" } } ]
breakwater.gateway.fallbacks: { "[/instead]": { status: 200, content-type: text/plain, body: instead } }
`, { users: [users.port] })
  for (let i = 0; i < 4; i++) t.equal((await call(`${url}/users`)).status, 404)
  t.equal((await call(`${url}/users`)).status, 503)
  t.equal(users.calls(), 4)
  t.match(await call(`${url}/soft`), { status: 200, body: 'instead' }, 'a listed status leads to the fallback')
  for (let i = 0; i < 4; i++) t.equal((await call(`${url}/again`)).status, 404)
  status = 200
  const states = () => log.flatMap(line => /breaker c is (\w+)/.exec(line)?.[1] ?? [])
  await until('it is closed', async () => (await call(`${url}/again`)).status === 200 && states().includes('CLOSED'))
  t.strictSame(states(), ['OPEN', 'HALF_OPEN', 'CLOSED'])
})

t.test('ignored failures do not open; recorded ones do', async t => {
  const dead = await deadPort()
  const { url } = await gateway(t, `
resilience4j.circuitbreaker.instances:
  ignoring: { slidingWindowSize: 2, minimumNumberOfCalls: 2, ignoreExceptions: [ java.io.IOException ] }
  recording: { slidingWindowSize: 2, minimumNumberOfCalls: 2, recordExceptions: [ java.io.IOException ] }
spring.cloud.gateway.routes:
  - { id: ignoring, uri: lb://users, predicates: [ Path=/ignoring ], filters: [ CircuitBreaker=ignoring ] }
  - { id: recording, uri: lb://users, predicates: [ Path=/recording ], filters: [ CircuitBreaker=recording ] }
`, { users: [dead] })
  for (let i = 0; i < 4; i++) t.equal((await call(`${url}/ignoring`)).status, 502)
  for (let i = 0; i < 2; i++) t.equal((await call(`${url}/recording`)).status, 502)
  t.equal((await call(`${url}/recording`)).status, 503)
})

t.test('a time limit only where one is given; timeouts are 504; bulkhead is 503', async t => {
  const held: ServerResponse[] = []
  const users = await upstream(t, (_, response) => { held.push(response) })
  const clock = heldClock()
  const { url } = await gateway(t, `
resilience4j:
  timelimiter.instances.short.timeoutDuration: 100ms
  bulkhead.instances.narrow.maxConcurrentCalls: 1
spring.cloud.gateway.routes:
  - { id: short, uri: lb://users, predicates: [ Path=/short ], filters: [ CircuitBreaker=short ] }
  - { id: long, uri: lb://users, predicates: [ Path=/long ], filters: [ CircuitBreaker=long ] }
  - { id: narrow, uri: lb://users, predicates: [ Path=/narrow ] }
`, { users: [users.port] }, {}, clock)
  const [short, long, narrow] = ['/short', '/long', '/narrow'].map(path => call(`${url}${path}`))
  await until('three are held', () => held.length === 3)
  t.equal((await call(`${url}/narrow`)).status, 503)
  await clock.pass(1_001)
  t.equal((await short)?.status, 504)
  for (const response of held.splice(0)) response.end()
  t.equal((await long)?.status, 200, 'Spring would have cut this one after a hidden second')
  t.equal((await narrow)?.status, 200)
  const next = call(`${url}/narrow`)
  await until('its place is free', () => held.length === 1)
  held[0]?.end()
  t.equal((await next).status, 200)
})
