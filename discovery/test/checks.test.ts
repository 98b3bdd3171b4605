import { createServer } from 'node:http'
import { Destinations } from '@breakwater/starter/security'
import t from 'tap'
import { callCheck } from '../checks/check-http.ts'
import { checkOf, type CheckOptions } from '../checks/check-options.ts'
import { Checker } from '../checks/checker.ts'
import { Payloads } from '../eureka/payloads.ts'
import { createMetrics, registryHealth } from '../metrics.ts'
import { Registry } from '../registry.ts'
import { Book } from '../registry/book.ts'
import { Hub } from '../stream/hub.ts'
import { Clock, instance, rules, type Raw } from './support/instances.ts'
import { call, getJson, register, startDiscovery, until } from './support/server.ts'

const asking = (metadata: Raw = {}): Raw => ({ 'breakwater.check': 'http', ...metadata })
const PATH = '/eureka/apps/ORDERS/h1:orders:8080'

t.test('only the instance\'s own address is called', async t => {
  const refusal = (changes: Raw) => {
    const check = checkOf(instance({ metadata: asking(), ...changes }))
    return check === undefined ? 'none' : 'refused' in check ? check.refused : 'called'
  }
  t.equal(refusal({}), 'called')
  t.equal(refusal({ healthCheckUrl: 'http://10.0.0.1:8080/health' }), 'called')
  t.equal(refusal({ metadata: {} }), 'none')
  t.equal(refusal({ healthCheckUrl: '' }), 'it has no healthCheckUrl')
  t.equal(refusal({ healthCheckUrl: 'http://metadata.internal:8080/' }), 'metadata.internal is not its registered host')
  t.equal(refusal({ healthCheckUrl: 'http://h1:22/' }), '22 is not its registered port')
  t.equal(refusal({ healthCheckUrl: 'http://h1:443/' }), '443 is not its registered port', 'a port that is not enabled')
  t.equal(refusal({ healthCheckUrl: 'http://user:pw@h1:8080/' }), 'its URL holds credentials')
  t.equal(refusal({ healthCheckUrl: 'file:///etc/passwd' }), 'file: is no protocol of a check')
  const options = checkOf(instance({ metadata: asking() })) as CheckOptions
  const destinations = new Destinations()
  destinations.keepFrom([{ address: '127.0.0.1', port: 8080 }])
  for (const ipAddr of ['169.254.169.254', '::ffff:a9fe:a9fe', 'fe80::1', '0.0.0.0', 'fd00:ec2::254', '127.0.0.1']) {
    t.match(await callCheck(options, instance({ ipAddr }), destinations), `${ipAddr}`)
    t.match(await callCheck(options, instance({ ipAddr }), destinations), /is not connected to/)
  }
  t.equal(await callCheck(options, instance({ ipAddr: 'localhost' }), destinations), 'localhost is no IP address')
})

t.test('numbers by metadata, within bounds', async t => {
  const defaults = { intervalMs: 10_000, timeoutMs: 2000, failures: 3, successes: 1, evictAfterMs: undefined }
  t.match(checkOf(instance({ metadata: asking() })), defaults)
  t.match(checkOf(instance({
    metadata: asking({
      'breakwater.check.interval': '1ms', 'breakwater.check.timeout': '5s', 'breakwater.check.failures': '1',
      'breakwater.check.successes': 'x', 'breakwater.check.evict-after': '1m'
    })
  })), { intervalMs: 1000, timeoutMs: 5000, failures: 1, successes: 1, evictAfterMs: 60_000 })
})

t.test('failing enough makes it DOWN, succeeding makes it UP, failing on removes it', async t => {
  const clock = new Clock()
  const book = new Book(rules(clock))
  const payloads = new Payloads(book, clock.now)
  const hub = new Hub(book, payloads, { now: clock.now, schedule: () => () => {}, pingMs: 1, stallMs: 1, gapMs: 1 })
  const registry = new Registry({ book, payloads, hub })
  let wrong: string | undefined = 'ECONNREFUSED'
  let calls = 0
  const checker = new Checker(registry, { now: clock.now, log: undefined, call: async () => { calls++; return wrong } })
  const tick = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      clock.advance(1000)
      checker.tick()
      await new Promise(setImmediate)
    }
  }
  const status = () => book.lease('ORDERS', 'h1:orders:8080')?.instance.status
  registry.register(instance({ metadata: asking({ 'breakwater.check.evict-after': '60s', 'breakwater.check.successes': '2' }) }), false)
  await tick(20)
  t.same([calls, status()], [2, 'UP'], 'two failures are not three')
  await tick(10)
  t.equal(status(), 'DOWN')
  t.equal(checker.reason('ORDERS', 'h1:orders:8080'), 'ECONNREFUSED')
  wrong = undefined
  await tick(10)
  t.equal(status(), 'DOWN', 'one success is not two')
  await tick(10)
  t.equal(status(), 'UP')
  t.equal(checker.reason('ORDERS', 'h1:orders:8080'), undefined)
  registry.override('ORDERS', 'h1:orders:8080', 'OUT_OF_SERVICE', { replicated: false })
  wrong = 'answered 500'
  await tick(100)
  t.equal(status(), 'OUT_OF_SERVICE', 'what an operator has set is left alone')
  registry.clearOverride('ORDERS', 'h1:orders:8080', 'UP', { replicated: false })
  await tick(1)
  t.equal(status(), 'DOWN', 'what the check found meanwhile holds as soon as that is cleared')
  registry.override('ORDERS', 'h1:orders:8080', 'OUT_OF_SERVICE', { replicated: false })
  registry.clearOverride('ORDERS', 'h1:orders:8080', undefined, { replicated: false })
  await tick(1)
  t.equal(status(), 'DOWN', 'and comes back where somebody set something over it')
  await tick(70)
  t.equal(status(), undefined, 'removed')
  const before = calls
  registry.register(instance({ metadata: asking() }), true)
  await tick(60)
  t.equal(calls, before, 'what a peer tells of is the peer\'s to check')
})

t.test('with a real service', async t => {
  let code = 200
  const service = createServer((request, response) => {
    if (code === 0) return
    response.statusCode = code
    response.end(request.headers.host)
  })
  await new Promise<void>(resolve => service.listen(0, '127.0.0.1', resolve))
  t.after(() => { service.closeAllConnections(); service.close() })
  const { port } = service.address() as { port: number }
  const { url } = await startDiscovery(t)
  await register(url, {
    ipAddr: '127.0.0.1', port: { $: port, '@enabled': true }, healthCheckUrl: `http://h1:${port}/health`,
    metadata: asking({ 'breakwater.check.interval': '1s', 'breakwater.check.timeout': '300ms', 'breakwater.check.failures': '1' })
  })
  const is = (status: string) => until(async () =>
    (await getJson<{ instance: Raw }>(url, PATH)).instance.status === status, status)
  await is('UP')
  code = 503
  // A check may have found it too slow first, where the machine is.
  await until(async () => {
    const { rows: [row] } = await getJson<{ rows: Raw[] }>(url, '/dashboard/api/instances')
    return row?.status === 'DOWN' && row.override === 'DOWN' && row.reason === 'answered 503'
  }, 'DOWN for that')
  code = 200
  await is('UP')
  code = 0
  await is('DOWN')
  const { url: unwilling, registry } = await startDiscovery(t, { checks: false })
  await register(unwilling, { metadata: asking() })
  t.equal(registry.book.size, 1)
})

t.test('metrics', async t => {
  const { url, registry, peers, regions } = await startDiscovery(t, { peerUrls: ['http://127.0.0.1:1/eureka/'] })
  await register(url)
  await register(url, { app: 'USERS', instanceId: 'u', status: 'DOWN' })
  await call(url, PATH, { method: 'PUT' })
  await call(url, '/eureka/apps')
  const text = await createMetrics(registry, peers, regions).metrics()
  for (const line of [
    'eureka_server_instances{application="ORDERS",status="UP"} 1',
    'breakwater_discovery_instances{status="DOWN"} 1',
    'breakwater_discovery_renewals_total 1',
    'breakwater_discovery_renewals_last_minute 1',
    'breakwater_discovery_evictions_total 0',
    'breakwater_discovery_self_preservation_active 0',
    'breakwater_discovery_payload_builds_total 1',
    'breakwater_discovery_stream_subscribers 0',
    'breakwater_discovery_peer_available{peer="http://127.0.0.1:1/eureka/"} 0'
  ]) t.match(text, `${line}\n`, line)
  t.match(registryHealth(registry), { status: 'UP', details: { instances: 2 } })
})
