/** What a settings file says once means the same on one event loop and on four. */
import t, { type Test } from 'tap'
import { Agent, get, type IncomingHttpHeaders } from 'node:http'
import { DATA_PLANE_DEFAULTS } from '../data-plane-options.ts'
import { createDataPlane } from '../workers/data-plane.ts'
import { RawClient, route, split, startDataPlane } from './raw.ts'
import type { Question } from '../routes/compile.ts'
import { call, gateway, until, upstream, type Harness } from './harness.ts'

const loops = (count: number) => ({ BREAKWATER_GATEWAY_WORKERS: String(count) })

/** The same expectation however many loops there are. */
function onOneAndFour (name: string, check: (t: Test, count: number) => Promise<void>): void {
  for (const count of [1, 4]) t.test(`${name}: ${count} loop${count === 1 ? '' : 's'}`, t => check(t, count))
}

/** Calls one after the other on one connection, which is one loop's. */
function oneConnection (t: Test, url: string, headers: Record<string, string> = {}) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  return () => new Promise<{ status: number, headers: IncomingHttpHeaders }>((resolve, reject) => {
    get(url, { agent, headers }, response => {
      response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }))
    }).on('error', reject)
  })
}

/** As many calls at the same moment, each on a connection of its own: the kernel spreads them over the loops. */
async function atOnce (count: number, url: string, headers: Record<string, string> = {}): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => call(url, { headers })))
  return answers.map(one => one.status)
}

const tally = (statuses: readonly number[], status: number) => statuses.filter(one => one === status).length

onOneAndFour('a rate limit', async (t, count) => {
  const { port } = await upstream(t, (_, response) => response.end())
  // Twenty at once, then one an hour: no test is so slow that another token comes.
  const { url } = await gateway(t, `
spring.cloud.gateway.routes:
  - id: limited
    uri: lb://users
    predicates: [ Path=/** ]
    filters:
      - name: RequestRateLimiter
        args:
          redis-rate-limiter: { replenishRate: 1, burstCapacity: 72000, requestedTokens: 3600 }
          key-resolver: "#{@header.x-user}"
`, { users: [port] }, loops(count))
  const one = oneConnection(t, url, { 'x-user': 'one' })
  t.equal((await one()).headers['x-ratelimit-remaining'], '68400')
  const alone: number[] = [200]
  for (let n = 0; n < 24; n++) alone.push((await one()).status)
  t.equal(tally(alone, 200), 20, 'one connection has all of the burst')
  t.equal(tally(alone, 429), 5)
  const many = await atOnce(60, url, { 'x-user': 'many' })
  t.equal(tally(many, 200), 20, 'and sixty have no more')
  t.equal(tally(many, 429), 40)
  t.equal((await call(url, { headers: { 'x-user': 'third' } })).status, 200, 'another caller has a bucket of his own')
})

const held: Array<() => void> = []

/** Answers as `?st=` says; `?hold` waits until the test lets go. */
async function obedient (t: Test) {
  let most = 0
  let active = 0
  const made = await upstream(t, (request, response) => {
    const query = new URL(request.url!, 'http://h').searchParams
    const answer = () => {
      active--
      response.statusCode = Number(query.get('st') ?? 200)
      response.end()
    }
    most = Math.max(most, ++active)
    if (query.has('hold')) held.push(answer)
    else answer()
  })
  return { port: made.port, calls: made.calls, most: () => most, active: () => active }
}

function letGo (): void {
  for (const answer of held.splice(0)) answer()
}

const breakerYaml = (settings: string) => `
resilience4j.circuitbreaker.instances.b: { ${settings} }
spring.cloud.gateway.routes:
  - { id: users, uri: lb://users, predicates: [ Path=/** ], filters: [ { name: CircuitBreaker, args: { name: b, statusCodes: [ 500 ] } } ] }
`

async function stateOf (management: string): Promise<string | undefined> {
  const [breaker] = JSON.parse((await call(`${management}/actuator/gateway/breakers`)).body) as Array<{ state: string }>
  return breaker?.state
}

for (const type of ['COUNT_BASED', 'TIME_BASED']) {
  onOneAndFour(`the window of a breaker, ${type}`, async (t, count) => {
    const users = await obedient(t)
    const { url } = await gateway(t, breakerYaml(`slidingWindowType: ${type}, slidingWindowSize: ${type === 'TIME_BASED' ? 600 : 10}, minimumNumberOfCalls: 10, waitDurationInOpenState: 10m`),
      { users: [users.port] }, loops(count))
    // One after the other, each on a connection of its own.
    for (let n = 0; n < 10; n++) t.equal((await call(`${url}/?st=500`)).status, 500)
    for (let n = 0; n < 12; n++) t.equal((await call(url)).status, 503)
    t.equal(users.calls(), 10)
  })
}

onOneAndFour('the permits of a half-open breaker, and what its probes say', async (t, count) => {
  const users = await obedient(t)
  const { url, management } = await gateway(t, breakerYaml('slidingWindowSize: 4, minimumNumberOfCalls: 4, waitDurationInOpenState: 1s, ' +
    'maxWaitDurationInHalfOpenState: 10m, permittedNumberOfCallsInHalfOpenState: 3'), { users: [users.port] }, loops(count))
  for (let n = 0; n < 4; n++) await call(`${url}/?st=500`)
  t.equal(users.calls(), 4)
  await until('the wait to be over', async () => await stateOf(management) === 'HALF_OPEN')
  const probes = Array.from({ length: 24 }, () => call(`${url}/?hold`))
  await until('the probes', () => held.length === 3)
  const refused = await Promise.all(Array.from({ length: 24 }, () => call(url)))
  t.equal(tally(refused.map(one => one.status), 503), 24)
  t.equal(users.calls(), 7, 'no more than are permitted')
  letGo()
  t.equal(tally((await Promise.all(probes)).map(one => one.status), 200), 3)
  t.equal(tally(await atOnce(24, url), 200), 24, 'closed for all of them')
  t.equal(await stateOf(management), 'CLOSED')
})

onOneAndFour('a bulkhead', async (t, count) => {
  const users = await obedient(t)
  const { url, management } = await gateway(t, `
resilience4j.bulkhead.instances.users: { maxConcurrentCalls: 2 }
spring.cloud.gateway.routes: [ { id: users, uri: lb://users, predicates: [ "Path=/**" ] } ]
`, { users: [users.port] }, loops(count))
  const calls = Array.from({ length: 24 }, () => call(`${url}/?hold`))
  await until('all to have come', async () => {
    const text = (await call(`${management}/actuator/prometheus`)).body
    return /^breakwater_gateway_bulkhead_refused_total\{.*\} 22$/m.test(text)
  })
  t.equal(users.active(), 2)
  const text = (await call(`${management}/actuator/prometheus`)).body
  t.match(text, 'resilience4j_bulkhead_max_allowed_concurrent_calls{kind="fixed",name="users"} 2\n')
  t.match(text, 'resilience4j_bulkhead_available_concurrent_calls{kind="fixed",name="users"} 0\n')
  letGo()
  t.equal(tally((await Promise.all(calls)).map(one => one.status), 200), 2)
  for (let n = 0; n < 12; n++) t.equal((await call(url)).status, 200, 'the places are free again')
  t.equal(users.most(), 2)
})

onOneAndFour('an adaptive limit', async (t, count) => {
  const users = await obedient(t)
  const { url, management } = await gateway(t, `
spring.cloud.gateway.routes:
  - { id: users, uri: lb://users, predicates: [ "Path=/**" ], filters: [ { name: AdaptiveConcurrency, args: { initialLimit: 4, minLimit: 4, maxLimit: 4 } } ] }
`, { users: [users.port] }, loops(count))
  const calls = Array.from({ length: 24 }, () => call(`${url}/?hold`))
  await until('all to have come', async () =>
    /^breakwater_gateway_bulkhead_refused_total\{.*\} 20$/m.test((await call(`${management}/actuator/prometheus`)).body))
  letGo()
  t.equal(tally((await Promise.all(calls)).map(one => one.status), 200), 4)
  t.equal(users.most(), 4)
})

const DYING = new URL('./dying-compiler.ts', import.meta.url).href

/** Every loop dies and is replaced; what was under way at the service stays there. */
async function killAll ({ management, log, control }: Harness): Promise<void> {
  const deaths = () => log.filter(line => line.includes('died and is replaced')).length
  const before = deaths()
  await control.ask('die' as Question)
  await until('the loops to die', () => deaths() - before === 4)
  await until('all to be there again', async () => {
    const health = await call(`${management}/actuator/health`)
    return health.body.includes('"workers":4')
  })
}

t.test('what a loop that dies has held is given back: a bulkhead\'s places, half-open permits', async t => {
  const users = await obedient(t)
  const running = await gateway(t, `
resilience4j:
  bulkhead.instances.b: { maxConcurrentCalls: 2 }
  circuitbreaker.instances.b: { slidingWindowSize: 4, minimumNumberOfCalls: 4, waitDurationInOpenState: 1s, maxWaitDurationInHalfOpenState: 10m, permittedNumberOfCallsInHalfOpenState: 2 }
spring.cloud.gateway.routes:
  - { id: users, uri: lb://users, predicates: [ Path=/** ], filters: [ { name: CircuitBreaker, args: { name: b, statusCodes: [ 500 ] } } ] }
`, { users: [users.port] }, loops(4), undefined, false, DYING)
  const { url, management } = running
  for (let n = 0; n < 4; n++) await call(`${url}/?st=500`)
  await until('the wait to be over', async () => await stateOf(management) === 'HALF_OPEN')
  const lost = [call(`${url}/?hold`), call(`${url}/?hold`)].map(one => one.catch(() => undefined))
  await until('the probes', () => held.length === 2)
  t.equal((await call(url)).status, 503)
  await killAll(running)
  await Promise.all(lost)
  letGo()
  // A thread that lives may not listen yet.
  await until('a probe', async () => (await call(url).catch(() => undefined))?.status === 200)
  t.equal((await call(url)).status, 200)
  t.equal(await stateOf(management), 'CLOSED')
})

t.test('an open breaker goes half-open though the loop that opened it is no more', async t => {
  const users = await obedient(t)
  const running = await gateway(t,
    breakerYaml('slidingWindowSize: 4, minimumNumberOfCalls: 4, waitDurationInOpenState: 3s, permittedNumberOfCallsInHalfOpenState: 1'),
    { users: [users.port] }, loops(4), undefined, false, DYING)
  const { url, management } = running
  for (let n = 0; n < 4; n++) await call(`${url}/?st=500`)
  await killAll(running)
  await until('them to answer', async () => await stateOf(management) !== undefined)
  t.equal(await stateOf(management), 'OPEN', 'what was known outlives the loops')
  await until('it to be tried', async () => (await call(url).catch(() => undefined))?.status === 200)
  t.equal(await stateOf(management), 'CLOSED')
})

/** Connections that stay open after an answer; the others were closed without one. */
async function opened (port: number, count: number): Promise<RawClient[]> {
  const clients = Array.from({ length: count }, () => new RawClient(port).send('GET /none HTTP/1.1\r\nHost: h\r\n\r\n'))
  await Promise.all(clients.map(one => one.until(received => split(received).length === 1)))
  return clients.filter(one => !one.closed)
}

for (const limits of [{ maxConnections: 6 }, { maxConnectionsPerAddress: 6 }]) {
  onOneAndFour(`${Object.keys(limits)[0]}`, async (t, count) => {
    const { port, dataPlane } = await startDataPlane([route('all', 'no://op', '/**')], { workers: count, limits })
    t.teardown(() => dataPlane.stop(0))
    const first = await opened(port, 48)
    t.equal(first.length, 6)
    for (const one of first) one.socket.destroy()
    // The gateway hears of it a moment later.
    await until('room for others', async () => {
      const second = await opened(port, 48)
      for (const one of second) one.socket.destroy()
      t.ok(second.length <= 6)
      return second.length === 6
    })
  })

  t.test(`the connections of a loop that dies are no longer counted: ${Object.keys(limits)[0]}`, async t => {
    const logged: string[] = []
    const bounded = { ...DATA_PLANE_DEFAULTS.limits, ...limits }
    const options = { ...DATA_PLANE_DEFAULTS, port: 0, workers: 4, limits: bounded }
    const dataPlane = createDataPlane(options, (_, message) => { logged.push(message) }, { compilerModule: DYING })
    t.teardown(() => dataPlane.stop(0))
    const { port } = await dataPlane.start()
    t.equal((await opened(port, 48)).length, 6)
    await dataPlane.ask('die')
    await until('the loops to die', () => logged.filter(line => line.includes('died and is replaced')).length === 4)
    await until('room for others', async () => {
      const others = await opened(port, 12)
      t.ok(others.length <= 6)
      for (const one of others) one.socket.destroy()
      return others.length === 6
    })
  })
}
