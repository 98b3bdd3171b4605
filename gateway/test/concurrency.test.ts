import t from 'tap'
import { AdaptiveLimit, ADAPTIVE_DEFAULTS } from '../upstream/adaptive-limit.ts'
import { compiled } from './exchange.ts'
import { call, gateway, upstream, until } from './harness.ts'
import { OK, RawClient, RawUpstream, route, startDataPlane, statusOf, type UpstreamPeer } from './raw.ts'

/**
 * An upstream that serves `capacity` calls at once in 10 ms each and queues the rest, under callers that never let up.
 * Time is simulated; what comes out is where the limit went.
 */
function simulated (limit: AdaptiveLimit, capacity: number, seconds: number, startMs = 0): number[] {
  const limits: number[] = []
  const ends: Array<{ atMs: number, sentMs: number }> = []
  const slots = Array.from({ length: capacity }, () => startMs)
  for (let nowMs = startMs; nowMs < startMs + seconds * 1_000; nowMs++) {
    while (ends.length > 0 && (ends[0]?.atMs ?? 0) <= nowMs) {
      const done = ends.shift()!
      limit.leave()
      limit.observe(done.atMs - done.sentMs, false, nowMs)
    }
    for (let i = 0; i < 5 && limit.enter(nowMs); i++) {
      const slot = slots.indexOf(Math.min(...slots))
      const atMs = Math.max(nowMs, slots[slot]!) + 10
      slots[slot] = atMs
      ends.push({ atMs, sentMs: nowMs })
    }
    limits.push(limit.limit)
  }
  for (const _ of ends) limit.leave()
  return limits
}

const PLACE = { index: 0, count: 1 }

function alone (initialLimit = ADAPTIVE_DEFAULTS.initialLimit): AdaptiveLimit {
  const options = { ...ADAPTIVE_DEFAULTS, initialLimit }
  return new AdaptiveLimit(options, AdaptiveLimit.make(options, PLACE), PLACE)
}

t.test('the limit settles near what the upstream serves at once', async t => {
  const last = (values: number[]) => values.slice(-2_000).reduce((sum, one) => sum + one, 0) / 2_000
  const wide = last(simulated(alone(), 40, 30))
  t.ok(wide > 40 && wide < 90, `${wide} for 40 at once`)
  const narrow = last(simulated(alone(100), 5, 30))
  t.ok(narrow > 5 && narrow < 20, `${narrow} for 5 at once, from 100`)
})

t.test('what nobody comes near does not grow', async t => {
  const limit = alone()
  for (let i = 0; i < 10_000; i++) {
    limit.enter(i * 10)
    limit.leave()
    limit.observe(5, false, i * 10)
  }
  t.equal(limit.limit, 20)
})

t.test('slow answers and 503s shrink it, never below the least; it comes back', async t => {
  const limit = alone(100)
  let nowMs = 1_000
  const windows = (count: number, elapsedMs: number, dropped = false) => {
    for (let i = 0; i < count; i++) {
      while (limit.active < limit.limit && limit.enter(nowMs));
      for (let k = 0; k < 12; k++) limit.observe(elapsedMs, dropped && k === 0, nowMs += 10)
    }
  }
  windows(20, 10)
  const grown = limit.limit
  t.ok(grown > 100)
  windows(30, 100)
  t.ok(limit.limit < grown / 2, `${limit.limit} after answers ten times as slow`)
  windows(5, 10)
  const before = limit.limit
  windows(5, 10, true)
  t.ok(limit.limit < before * 0.7, 'a window with a 503 costs a tenth')
  windows(200, 10, true)
  t.equal(limit.limit, 3)
  limit.giveBack(0)
  windows(100, 10)
  t.ok(limit.limit > 100)
})

t.test('AdaptiveConcurrency: what it starts from, what it may not', async t => {
  const routes = (filter: string) => [{ id: 'r', uri: 'lb://users', predicates: ['Path=/**'], filters: [filter] }]
  const { table, compiler } = compiled(routes('AdaptiveConcurrency=30, 5, 50'))
  t.match(table.routes[0]?.bulkhead, { kind: 'adaptive', limit: 30 })
  t.throws(() => compiled(routes('AdaptiveConcurrency=3, 5, 50')), { message: /must rise in this order/ })
  t.throws(() => compiled(routes('AdaptiveConcurrency=30, 5, 50, 0.9')), { message: /tolerance/ })
  const capped = compiled(routes('AdaptiveConcurrency'), { bulkheads: { default: 15, instances: {} } })
  t.match(capped.table.routes[0]?.bulkhead, { kind: 'adaptive', limit: 15 }, 'a fixed bulkhead is the most there is')
  compiler.stop()
  capped.compiler.stop()
})

t.test('an upstream that serves few at once is not flooded, and its limit is seen everywhere', async t => {
  let running = 0
  let most = 0
  const waiting: Array<() => void> = []
  const users = await upstream(t, (_, response) => {
    most = Math.max(most, running + waiting.length + 1)
    const serve = () => {
      running++
      setTimeout(() => {
        running--
        response.end('ok')
        waiting.shift()?.()
      }, 10)
    }
    if (running < 4) serve()
    else waiting.push(serve)
  })
  const { url, management } = await gateway(t, `
breakwater.gateway.adaptive-concurrency: { min-limit: 2, initial-limit: 40, max-limit: 50 }
spring.cloud.gateway.routes:
  - { id: users, uri: lb://users, predicates: [ Path=/users ], filters: [ CircuitBreaker=users, AdaptiveConcurrency ] }
`, { users: [users.port] })
  const numbers = async () => (await call(`${management}/actuator/prometheus`)).body
  const limitNow = async () => Number(/max_allowed_concurrent_calls\{kind="adaptive",name="users"\} (\d+)/.exec(await numbers())?.[1])
  let stopped = false
  const statuses = new Map<number, number>()
  const caller = async () => {
    while (!stopped) {
      const { status } = await call(`${url}/users`)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  for (let i = 0; i < 20; i++) await call(`${url}/users`)
  t.equal(await limitNow(), 40, 'nothing is learnt from a route that is hardly used')
  const callers = Array.from({ length: 60 }, caller)
  await until('the limit has come down', async () => await limitNow() < 25)
  const asked = await call(`${management}/actuator/gateway/explain`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ method: 'GET', url: '/users' })
  })
  t.match(JSON.parse(asked.body), { match: { concurrency: { kind: 'adaptive', refused: Number } } })
  await until('many were answered', () => (statuses.get(200) ?? 0) > 300)
  stopped = true
  await Promise.all(callers)
  t.strictSame([...statuses.keys()].toSorted((a, b) => a - b), [200, 503])
  t.ok(most <= 50, `${most} of 60 at once`)
  t.match(await numbers(), /breakwater_gateway_bulkhead_refused_total\{kind="adaptive",name="users"\} [1-9]/)
  t.match(await numbers(), /resilience4j_circuitbreaker_state\{name="users",state="closed"\} 1/, 'a refused call is no failure')
})

t.test('a full pool of ours is no fault of the instance', async t => {
  const server = await new RawUpstream().listen()
  const held: UpstreamPeer[] = []
  server.onHead = peer => held.push(peer)
  const started = await startDataPlane([route('all', server.url, '/**')], { upstream: { maxConnections: 1, maxPending: 0 } })
  t.teardown(async () => {
    await started.dataPlane.stop(0)
    server.close()
  })
  const ask = () => new RawClient(started.port).send('GET /x HTTP/1.1\r\nHost: h\r\n\r\n').answers()
  const first = ask()
  await until('it is held', () => held.length === 1)
  t.equal(statusOf((await ask())[0] ?? ''), 502)
  held[0]?.socket.write(OK)
  t.equal(statusOf((await first)[0] ?? ''), 200)
  t.notOk(started.logged.some(line => line.includes('left out')))
})
