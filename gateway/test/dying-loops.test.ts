/** What an event loop that dies has held is given back, and what it knew is not lost. */
import t from 'tap'
import { DATA_PLANE_DEFAULTS } from '../data-plane-options.ts'
import { CacheOwner } from '../cache/cache-owner.ts'
import { ConnectionCounts } from '../shared/connection-counts.ts'
import { Thread } from '../workers/thread.ts'
import { call, gateway, until } from './harness.ts'
import { RawClient } from './raw.ts'
import { breakerYaml, DYING, held, killAll, letGo, loops, obedient, stateOf } from './many-loops.ts'

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

t.test('connections of loops that are no more are not counted', async t => {
  const { url, management, ...rest } = await gateway(t, breakerYaml(''), {}, loops(4), undefined, false, DYING)
  const clients = Array.from({ length: 6 }, () => new RawClient(Number(new URL(url).port)))
  t.teardown(() => { for (const { socket } of clients) socket.destroy() })
  const counted = async () => /^breakwater_gateway_connections(?:\{[^}]*\})? (\d+)$/m.exec((await call(`${management}/actuator/prometheus`)).body)?.[1]
  await until('all to be counted', async () => await counted() === '6')
  // Each loop says by itself what it has, once a second: what it said last is all that is known of it afterwards.
  await until('each loop to have said so', () => new Promise(resolve => setTimeout(() => resolve(true), 1_100)))
  await killAll({ url, management, ...rest })
  await until('none to be counted', async () => await counted() === '0')
})

t.test('who asks a loop that ends is told at once', async t => {
  const options = { ...DATA_PLANE_DEFAULTS, port: 0, workers: 1 }
  const place = { index: 0, count: 1 }
  const connections = ConnectionCounts.make(options.limits, place)
  const start = { options, compilerModule: DYING, port: 0, snapshot: undefined, listening: [], place, connections }
  let ended = false
  const thread = new Thread(start, {
    event: () => {}, log: () => {}, cache: new CacheOwner(() => 0).access(0), exited: () => { ended = true }
  })
  await thread.listening
  const asked = thread.call({ kind: 'ask', question: 'hang', payload: undefined }, 600_000)
  await t.rejects(asked, /the worker ended/)
  await until('it to be known', () => ended)
})
