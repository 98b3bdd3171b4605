import fc from 'fast-check'
import { Destinations } from '@breakwater/starter/security'
import t from 'tap'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServiceInstance } from '@breakwater/starter/discovery'
import { BALANCER_DEFAULTS } from '../upstream/picking.ts'
import { ClusterRegistry, type Ejection } from '../upstream/cluster-registry.ts'
import { OUTLIER_DEFAULTS, type OutlierOptions } from '../upstream/outlier.ts'
import { tcpProbe } from '../upstream/probe.ts'
import { RetryBudget } from '../upstream/retry-budget.ts'
import { backoffMs, retryPolicy } from '../upstream/retry-policy.ts'
import type { HealthCheck } from '../upstream/health-checks.ts'
import type { ClusterState } from '../upstream/cluster.ts'
import type { InstanceState } from '../upstream/instance-state.ts'
import { compiled, instance, request } from './exchange.ts'

interface Special { check?: HealthCheck, outlier?: Partial<OutlierOptions>, balancer?: object, random?: () => number }

function cluster (instances: ServiceInstance[], options: Special = {}) {
  const clock = { nowMs: 1_000 }
  const recovered: string[] = []
  const told: Ejection[] = []
  const registry = new ClusterRegistry({
    now: () => clock.nowMs,
    random: options.random ?? Math.random,
    probe: async () => false,
    check: options.check ?? (async () => true),
    recovered: one => { recovered.push(one.name) },
    ejected: one => { told.push(one) },
    log: () => {}
  }, () => ({ outlier: { ...OUTLIER_DEFAULTS, ...options.outlier },
    balancer: { ...BALANCER_DEFAULTS, ...options.balancer } }),
  { ratio: 0.2, floor: 3, workers: 1 })
  const made = registry.cluster('users')
  registry.update('users', instances)
  const report = (id: string, failure?: 'connect' | 'reset' | 'timeout' | 'status') =>
    made.report(made.instances.find(one => one.id === id) as InstanceState, failure, 1, clock.nowMs)
  t.teardown(() => registry.stop())
  return { made, clock, report, registry, recovered, told }
}

const ids = (made: ClusterState) => made.eligible.map(one => one.id).toSorted().join()
const three = () => [instance('a', 1), instance('b', 2), instance('c', 3)]

t.test('the less busy of two is picked, none from nothing', async t => {
  const { made } = cluster(three())
  const busy = made.instances[0] as InstanceState
  busy.active = 100
  const picked = Array.from({ length: 300 }, () => made.pick(request('/'))?.id)
  t.notOk(picked.includes('a'), 'two choices never leave only the busy one of three')
  t.ok(picked.includes('b') && picked.includes('c'))
  t.equal(cluster([]).made.pick(request('/')), undefined)
  t.equal(cluster([instance('a', 1, { status: 'DOWN' })]).made.pick(request('/')), undefined, 'only those UP count')
})

t.test('a retry goes elsewhere, and to the same one only when it is alone', async t => {
  const { made } = cluster(three())
  for (let i = 0; i < 50; i++) {
    const x = request('/')
    x.tried.push(made.instances[0] as InstanceState, made.instances[1] as InstanceState)
    t.equal(made.pick(x)?.id, 'c')
  }
  const alone = cluster([instance('a')]).made
  const x = request('/')
  x.tried.push(alone.instances[0] as InstanceState)
  t.equal(alone.pick(x)?.id, 'a')
})

t.test('a refused connection leaves an instance out at once, also when that is most of them', async t => {
  const { made, report, clock } = cluster(three())
  report('a', 'connect')
  report('b', 'connect')
  t.equal(ids(made), 'c', 'a refusal is a fact: panic does not send requests there')
  report('c', 'connect')
  t.equal(ids(made), 'a,b,c', 'with nobody left all are tried')
  report('b')
  t.equal(ids(made), 'b', 'a success brings back at once')
  clock.nowMs += 11_000
  made.pick(request('/'))
  t.equal(ids(made), 'a,b,c')
})

t.test('five errors in a row leave out for a growing time, never more than half', async t => {
  const { made, report, clock } = cluster(three(), { outlier: { failureRatePercent: 0 } })
  for (let i = 0; i < 4; i++) report('a', 'status')
  report('a')
  for (let i = 0; i < 4; i++) report('a', 'timeout')
  t.equal(ids(made), 'a,b,c', 'a success in between starts the count anew')
  report('a', 'reset')
  t.equal(ids(made), 'b,c')
  for (let i = 0; i < 9; i++) report('b', 'status')
  t.equal(ids(made), 'b,c', 'one of three is the most for judgements')
  clock.nowMs += 9_999
  made.pick(request('/'))
  t.equal(ids(made), 'b,c')
  clock.nowMs += 2
  made.pick(request('/'))
  t.equal(ids(made), 'a,b,c')
  report('b')
  for (let i = 0; i < 5; i++) report('a', 'status')
  clock.nowMs += 19_000
  made.pick(request('/'))
  t.equal(ids(made), 'b,c', 'twice as long the second time')
})

t.test('what another loop has left out is left out here, within the bounds of this one, and told to nobody', async t => {
  const { made, registry, told, report, clock } = cluster(three())
  report('a', 'connect')
  t.strictSame(told, [{ service: 'users', instance: 'a', reason: 'connect' }])
  registry.ejectAlso({ service: 'users', instance: 'b', reason: 'failure-rate' })
  t.equal(ids(made), 'b,c', 'one of three is the most for judgements')
  clock.nowMs += 11_000
  made.pick(request('/'))
  registry.ejectAlso({ service: 'users', instance: 'b', reason: 'failure-rate' })
  t.equal(ids(made), 'a,c')
  registry.ejectAlso({ service: 'users', instance: 'gone', reason: 'connect' })
  registry.ejectAlso({ service: 'nobody', instance: 'a', reason: 'connect' })
  t.equal(told.length, 1)
})

t.test('however much others tell, no more is left out than permitted', async t => {
  const ten = Array.from({ length: 10 }, (_, i) => instance(`i${i}`, i + 1))
  const { made, registry } = cluster(ten, { outlier: { maxEjectionPercent: 20 } })
  for (const { instanceId } of ten) registry.ejectAlso({ service: 'users', instance: instanceId, reason: 'failure-rate' })
  t.equal(ids(made), 'i2,i3,i4,i5,i6,i7,i8,i9')
  for (const { instanceId } of ten.slice(0, 4)) registry.ejectAlso({ service: 'users', instance: instanceId, reason: 'connect' })
  t.equal(ids(made), 'i4,i5,i6,i7,i8,i9', 'who cannot be reached is no judgement')
})

t.test('an instance that fails one in five stands out within a second', async t => {
  const { made, report, clock } = cluster([...three(), instance('d', 4), instance('e', 5)])
  for (let i = 0; i < 400; i++) {
    for (const id of ['a', 'b', 'c', 'd']) report(id)
    report('e', i % 5 === 0 ? 'status' : undefined)
    clock.nowMs += 2.5
  }
  clock.nowMs += 1_000
  report('a')
  t.equal(ids(made), 'a,b,c,d')
})

t.test('when all fail alike nobody stands out', async t => {
  const { made, report, clock } = cluster(three())
  for (let i = 0; i < 300; i++) {
    for (const id of ['a', 'b', 'c']) report(id, i % 5 === 0 ? 'status' : undefined)
    clock.nowMs += 5
  }
  t.equal(ids(made), 'a,b,c')
})

t.test('panic: judgements are ignored when too few are left', async t => {
  const { made, report } = cluster(three(), { outlier: { maxEjectionPercent: 100 } })
  for (const id of ['a', 'b']) for (let i = 0; i < 5; i++) report(id, 'status')
  t.equal(made.instances.filter(one => one.ejection !== undefined).length, 2)
  t.equal(ids(made), 'a,b,c')
})

t.test('an update keeps counters of those that stay, starts new ones small, tells of hope', async t => {
  const { made, clock, recovered } = cluster(three(), { random: fixed(0.3) })
  const before = made.instances[0]
  recovered.length = 0
  made.update(three().slice(0, 2))
  t.equal(made.instances[0], before)
  t.strictSame(recovered, [])
  made.update([...three().slice(0, 2), instance('n', 9)])
  t.strictSame(recovered, ['users'])
  t.equal(made.instances[2]?.rampFromMs, clock.nowMs)
  made.update([instance('a', 7)])
  t.not(made.instances[0], before, 'another port is another server')
})

t.test('slow start and weights share in proportion', async t => {
  const weighted = cluster([instance('a', 1, { metadata: { weight: '3' } }), instance('b', 2)])
  const picks = Array.from({ length: 4_000 }, () => weighted.made.pick(request('/'))?.id)
  const share = picks.filter(id => id === 'a').length / picks.length
  t.ok(Math.abs(share - 0.75) < 0.05, `three quarters go to the heavier one: ${share}`)
  const { made } = cluster([instance('a', 1)])
  made.update([instance('a', 1), instance('n', 2)])
  const early = Array.from({ length: 4_000 }, () => made.pick(request('/'))?.id).filter(id => id === 'n').length / 4_000
  t.ok(early < 0.15, `a new one begins with a tenth: ${early}`)
})

t.test('zone, hint and sticky session narrow the choice, and are dropped when nobody fits', async t => {
  const instances = [instance('a', 1, { zone: 'z1' }), instance('b', 2, { zone: 'z2', metadata: { hint: 'blue' } }), instance('c', 3, { zone: 'z1' })]
  const pick = (balancer: object, headers = {}) => {
    const { made } = cluster(instances, { balancer: { perRequest: true, ...balancer } })
    return [...new Set(Array.from({ length: 60 }, () => made.pick(request('/', headers))?.id))].toSorted((a, b) => String(a).localeCompare(String(b))).join()
  }
  t.equal(pick({ zone: 'z1' }), 'a,c')
  t.equal(pick({ zone: 'z9' }), 'a,b,c')
  t.equal(pick({ hintHeader: 'x-sc-lb-hint' }, { 'x-sc-lb-hint': 'blue' }), 'b')
  t.equal(pick({ hintHeader: 'x-sc-lb-hint' }, { 'x-sc-lb-hint': 'green' }), 'a,b,c')
  t.equal(pick({ stickyCookie: 'sc-lb-instance-id' }, { cookie: 'sc-lb-instance-id=c' }), 'c')
  t.equal(pick({ stickyCookie: 'sc-lb-instance-id' }, { cookie: 'sc-lb-instance-id=gone' }), 'a,b,c')
})

t.test('active checks leave out who is not well, and bring back who is', async t => {
  const ill = new Set(['a'])
  const { made } = cluster(three(), {
    check: async one => !ill.has(one.id), balancer: { healthCheck: { path: '/health', intervalMs: 30 } }
  })
  const is = async (wanted: string) => {
    for (let i = 0; i < 1_000 && ids(made) !== wanted; i++) await sleep(20)
    t.equal(ids(made), wanted)
  }
  await is('b,c')
  ill.delete('a')
  await is('a,b,c')
  for (const id of ['a', 'b', 'c']) ill.add(id)
  const allOut = () => made.instances.every(one => one.ejection === 'health-check')
  for (let i = 0; i < 1_000 && !allOut(); i++) await sleep(20)
  t.ok(allOut())
  t.equal(ids(made), 'a,b,c', 'when none is well all are used')
})

t.test('an ejected instance is probed and back as soon as somebody listens, with its breaker', async t => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  t.equal(await tcpProbe({ host: '127.0.0.1', port, secure: false, authority: '', written: true }, new Destinations()), false)
  const { table, compiler } = compiled([{ id: 'r', uri: 'lb://users', predicates: ['Path=/**'], filters: ['CircuitBreaker=b'] }], {}, [],
    { users: [instance('a', port), instance('b', 1)] })
  t.teardown(() => compiler.stop())
  const users = compiler.clusters.cluster('users')
  const dead = users.instances[0] as InstanceState
  users.report(dead, 'connect', 1, 1_000)
  compiler.breakers.get('b')?.force('OPEN')
  t.equal(table.routes[0]?.breaker?.enter(1_000), -1)
  const back = createServer(socket => socket.destroy()).listen(port, '127.0.0.1')
  t.teardown(() => back.close())
  for (let i = 0; i < 300 && dead.ejection !== undefined; i++) await sleep(50)
  t.equal(dead.ejection, undefined)
  t.equal(compiler.breakers.get('b')?.state, 'HALF_OPEN', 'an open breaker tries at once')
})

t.test('breakers and clusters outlive a swap of routes; what is no longer named is forgotten', async t => {
  const routes = [{ id: 'r', uri: 'lb://users', predicates: ['Path=/**'], filters: ['CircuitBreaker=b'] }]
  const { table, compiler } = compiled(routes, {}, [], { users: three() })
  const { snapshot } = await import('./exchange.ts')
  const again = compiler.compile(snapshot(routes, {}, [], { users: three() }))
  t.equal(again.routes[0]?.breaker, table.routes[0]?.breaker)
  t.strictSame(again.routes[0]?.target, table.routes[0]?.target)
  compiler.compile(snapshot([{ id: 'r', uri: 'lb://users', predicates: ['Path=/**'] }]))
  t.strictSame([...compiler.breakers.all], [])
  compiler.stop()
})

/** Every call fails and asks for three retries in the seconds that are failing. */
function retriesUnder (traffic: ReadonlyArray<{ requests: number, failing: boolean }>) {
  const budget = new RetryBudget()
  const events: Array<{ atMs: number, retry: boolean }> = []
  traffic.forEach(({ requests, failing }, s) => {
    for (let i = 0; i < requests; i++) {
      const atMs = 1_000_000 + s * 1_000 + i * 1_000 / requests
      budget.request(atMs)
      events.push({ atMs, retry: false })
      for (let k = 0; failing && k < 3 && budget.take(atMs); k++) {
        events.push({ atMs, retry: true })
        budget.release(1)
      }
    }
  })
  return events
}

function amplified (events: ReturnType<typeof retriesUnder>, fromMs: number, toMs: number): boolean {
  const within = events.filter(event => event.atMs >= fromMs && event.atMs <= toMs)
  const retries = within.filter(event => event.retry).length
  return retries > 0.2 * (within.length - retries) + 0.5
}

t.test('retries stay within a fifth of the requests over any ten seconds', async () => {
  const failing = fc.array(fc.boolean(), { minLength: 15, maxLength: 40 })
  fc.assert(fc.property(fc.integer({ min: 100, max: 400 }), failing, (requests, seconds) => {
    const events = retriesUnder(seconds.map(one => ({ requests, failing: one })))
    for (let from = 1_000_000; from <= 1_000_000 + (seconds.length - 10) * 1_000; from += 333) {
      if (amplified(events, from, from + 10_000)) return false
    }
    return true
  }), { numRuns: 20 })
})

t.test('with traffic that changes, over any ten seconds that end with a retry', async () => {
  const second = fc.record({ requests: fc.integer({ min: 100, max: 400 }), failing: fc.boolean() })
  fc.assert(fc.property(fc.array(second, { minLength: 15, maxLength: 40 }), seconds => {
    const events = retriesUnder(seconds)
    const ends = events.filter(event => event.retry && event.atMs > 1_010_000).map(event => event.atMs)
    return ends.every((atMs, i) => i % 20 !== 0 || !amplified(events, atMs - 10_000, atMs))
  }), { numRuns: 20 })
})

t.test('with little traffic three retries at a time are allowed', async t => {
  const budget = new RetryBudget()
  budget.request(5_000)
  t.strictSame([1, 2, 3, 4].map(() => budget.take(5_000)), [true, true, true, false])
  budget.release(3)
  t.ok(budget.take(5_000))
  t.equal(budget.refused, 1)
})

t.test('what may be tried again: Spring\'s vectors', async t => {
  const filters = (args: object) => [{ id: 'r', uri: 'lb://users', predicates: ['Path=/**'], filters: [{ name: 'Retry', args }] }]
  const allows = (args: object, method: string, failure: 'connect' | 'reset' | 'timeout' | 'status', status = 0) => {
    const policy = compiled(filters(args)).table.routes[0]?.retry
    return policy?.allows(request('/', {}, method), failure, status, 1_000)
  }
  t.equal(compiled(filters({})).table.routes[0]?.retry?.retries, 3)
  t.equal(allows({ retries: 3 }, 'GET', 'status', 503), true)
  t.equal(allows({ retries: 3 }, 'POST', 'status', 503), false)
  t.equal(allows({ retries: 3 }, 'GET', 'status', 404), false)
  t.equal(allows({ retries: 2, statuses: 'BAD_GATEWAY' }, 'GET', 'status', 500), true, 'series still includes 5xx')
  t.equal(allows({ retries: 2, statuses: 'BAD_GATEWAY', series: [] }, 'GET', 'status', 500), false)
  t.equal(allows({ retries: 2, statuses: 'BAD_GATEWAY', series: [] }, 'GET', 'status', 502), true)
  t.equal(allows({ retries: 1, methods: 'GET,POST' }, 'POST', 'timeout'), true)
  t.equal(allows({}, 'POST', 'reset'), false)
  t.equal(allows({}, 'POST', 'connect'), true, 'nothing was sent')
  t.equal(allows({ exceptions: 'java.util.concurrent.TimeoutException' }, 'GET', 'reset'), false)
  t.throws(() => compiled(filters({ exceptions: 'NullPointerException' })), { message: /none that can happen here/ })
  const shortcut = compiled([{ id: 'r', uri: 'lb://u', predicates: ['Path=/**'],
    filters: ['Retry=3,INTERNAL_SERVER_ERROR,GET,10ms,50ms,2,false'] }]).table.routes[0]?.retry
  t.strictSame([1, 2, 3, 4, 5].map(attempt => shortcut?.delayMs(attempt)), [10, 20, 40, 50, 50])
  t.equal(backoffMs({ firstMs: 100, maxMs: 1_000, factor: 2, basedOnPrevious: true, jitter: 0.5 }, 1, () => 0), 50)
  const late = retryPolicy({ retries: 1, methods: new Set(['GET']), statuses: new Set([503]), exceptions: new Set(), maxBodyBytes: 0,
    perTryTimeoutMs: 0, totalTimeoutMs: 100, backoff: undefined }, new RetryBudget(), Math.random)
  t.equal(late.allows(request('/'), 'status', 503, 1_100), false, 'the total time is over')
})

function fixed (value: number): () => number {
  return () => value
}
