/** Vectors of Spring that only a whole gateway can show: limits to the byte, and how often an upstream is asked. */
import t from 'tap'
import type { RequestListener } from 'node:http'
import { deadPort } from '../../starter/test/ports.ts'
import { call, gateway, upstream, type CallOptions } from './harness.ts'
import { RawClient } from './raw.ts'

t.test('limits, to the byte', async t => {
  const users = await upstream(t, (request, response) => { request.resume().on('end', () => response.end('ok')) })
  const { url } = await gateway(t, `
server.max-http-request-header-size: 64KB
spring.cloud.gateway.routes:
  - { id: size, uri: lb://users, predicates: [ Path=/size ], filters: [ RequestSize ] }
  - { id: head, uri: lb://users, predicates: [ Path=/head ], filters: [ RequestHeaderSize ] }
`, { users: [users.port] })
  const size = (bytes: number, headers = {}) => call(`${url}/size`, { method: 'POST', body: Buffer.alloc(bytes, 'a'), headers })
  t.equal((await size(5_000_000)).status, 200)
  const larger = await size(5_000_001)
  t.match(larger, { status: 413, headers: { errormessage: 'Request size is larger than permissible limit. Request size is 5.0 MB where permissible limit is 5.0 MB' } })
  t.equal((await size(5_000_000, { 'transfer-encoding': 'chunked' })).status, 200)
  t.equal((await size(5_000_001, { 'transfer-encoding': 'chunked' })).status, 413, 'Spring lets chunks of any size pass')
  const head = (value: number) => call(`${url}/head`, { headers: { 'x-big': 'a'.repeat(value - 5) } })
  t.equal((await head(16_000)).status, 200)
  t.match(await head(16_001), { status: 431, headers: { errormessage: /x-big/i } })
})

interface Vector {
  readonly what: string
  /** YAML of the filters. */
  readonly filters: string
  readonly status: number
  readonly call?: CallOptions
  /** How often the upstream is asked. */
  readonly attempts: number
  readonly answers: number
}

const retry = (args: string) => `[ { name: Retry, args: { ${args} } } ]`
const POST: CallOptions = { method: 'POST', body: 'x' }

const ATTEMPTS: readonly Vector[] = [
  { what: 'no Retry: once', filters: '[]', answers: 503, attempts: 1, status: 503 },
  { what: 'GET, always 503', filters: retry('retries: 3'), answers: 503, attempts: 4, status: 503 },
  { what: 'POST, default methods', filters: retry('retries: 3'), call: POST, answers: 503, attempts: 1, status: 503 },
  { what: 'POST, asked for', filters: retry('retries: 3, methods: "GET,POST"'), call: POST, answers: 503, attempts: 4, status: 503 },
  { what: 'GET, 404', filters: retry('retries: 3'), answers: 404, attempts: 1, status: 404 },
  { what: 'statuses beside the default series', filters: retry('retries: 2, statuses: BAD_GATEWAY'), answers: 500, attempts: 3, status: 500 },
  { what: 'an empty series means none', filters: retry('retries: 2, statuses: "502", series: []'), answers: 500, attempts: 1, status: 500 },
  { what: 'a status alone', filters: retry('retries: 2, statuses: "502", series: []'), answers: 502, attempts: 3, status: 502 },
  {
    what: 'backoff first 10 ms, at most 50 ms, factor 2',
    filters: retry('retries: 3, backoff: { firstBackoff: 10ms, maxBackoff: 50ms, factor: 2, basedOnPreviousValue: false }'),
    answers: 503, attempts: 4, status: 503
  },
  {
    what: 'a status list with a fallback',
    filters: '[ { name: CircuitBreaker, args: { statusCodes: [ 500, "NOT_FOUND" ], fallbackUri: "forward:/instead" } } ]',
    answers: 404, attempts: 1, status: 203
  },
  {
    what: 'retries first, then the fallback',
    filters: '[ { name: CircuitBreaker, args: { statusCodes: [ 503 ], fallbackUri: "forward:/instead" } }, Retry=2 ]',
    answers: 503, attempts: 3, status: 203
  },
  {
    what: 'the fallback takes any method',
    filters: '[ { name: CircuitBreaker, args: { statusCodes: [ 503 ], fallbackUri: "forward:/instead" } } ]',
    call: POST, answers: 503, attempts: 1, status: 203
  }
]

t.test('how often the upstream is asked', async t => {
  let status = 200
  const users = await upstream(t, (request, response) => {
    response.statusCode = status
    request.resume().on('end', () => response.end())
  })
  const routes = ATTEMPTS.map(({ filters }, i) => `  - { id: r${i}, uri: lb://users, predicates: [ Path=/r${i} ], filters: ${filters} }`)
  const { url } = await gateway(t, `
breakwater.gateway.fallbacks: { "[/instead]": { status: 203, body: instead } }
spring.cloud.gateway.routes:
${routes.join('\n')}
`, { users: [users.port] })
  for (const [i, vector] of ATTEMPTS.entries()) {
    status = vector.answers
    const before = users.calls()
    t.equal((await call(`${url}/r${i}`, vector.call)).status, vector.status, vector.what)
    t.equal(users.calls() - before, vector.attempts, `${vector.what}: ${vector.attempts} times`)
  }
})

t.test('an answer that has begun is never begun again', async t => {
  const cut: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-length': '10' })
    response.write('abc', () => response.socket?.resetAndDestroy())
  }
  const users = await upstream(t, cut)
  const { url } = await gateway(t, `
spring.cloud.gateway.routes: [ { id: users, uri: lb://users, predicates: [ Path=/users ], filters: [ Retry=3 ] } ]
`, { users: [users.port] })
  const client = new RawClient(Number(new URL(url).port)).send('GET /users HTTP/1.1\r\nHost: h\r\n\r\n')
  const received = await client.end()
  t.equal(users.calls(), 1)
  t.equal(received.split('HTTP/1.1').length - 1, 1, 'one answer, cut short')
  t.notMatch(received, /HTTP\/1\.1 5/)
})

t.test('a refused connection is tried elsewhere whatever the method; an open breaker asks nobody', async t => {
  const users = await upstream(t, (request, response) => { request.resume().on('end', () => response.end()) })
  const dead = await deadPort()
  const { url } = await gateway(t, `
resilience4j.circuitbreaker.instances.b: { slidingWindowSize: 2, minimumNumberOfCalls: 2, waitDurationInOpenState: 60s }
spring.cloud.gateway.routes:
  - { id: users, uri: lb://users, predicates: [ Path=/users ], filters: [ Retry=2 ] }
  - { id: gone, uri: lb://gone, predicates: [ Path=/gone ], filters: [ CircuitBreaker=b ] }
`, { users: [users.port, dead], gone: [dead] })
  for (let i = 0; i < 10; i++) t.equal((await call(`${url}/users`, POST)).status, 200)
  for (const status of [502, 502, 503, 503]) t.equal((await call(`${url}/gone`)).status, status)
})
