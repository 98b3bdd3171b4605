/** Spring Cloud's own clients and its own server against the registry. Run by `npm run test:spring`. */
import t from 'tap'
import { createDiscovery, type Discovery } from '../../index.ts'
import { rawInstance, type Raw } from '../support/instances.ts'
import { call, JSON_ACCEPT, JSON_TYPE, register, startDiscovery, until } from '../support/server.ts'
import { startNetflixClient, startSpring } from './java.ts'

const ID = 'h1:orders:8080'
const PATH = `/eureka/apps/ORDERS/${ID}`
const SLOW_MS = 120_000

interface Tap { after: (undo: () => unknown) => unknown }

/** The status of an instance at any Eureka server, or the code of its refusal. */
async function statusAt (base: string, path = PATH): Promise<unknown> {
  const reply = await call(base, path, { headers: JSON_ACCEPT })
  return reply.status === 200 ? (JSON.parse(reply.text) as { instance: Raw }).instance.status : reply.status
}

t.test('a Spring Boot service', async t => {
  const discovery = await startDiscovery(t)
  await register(discovery.url)
  const service = await startSpring(t, 'ServiceApplication', {
    'spring.application.name': 'spring-service',
    'eureka.client.service-url.defaultZone': `${discovery.url}/eureka/`,
    'eureka.client.jersey.enabled': 'false',
    'eureka.client.registry-fetch-interval-seconds': '1',
    'eureka.instance.instance-id': 'spring-1',
    'eureka.instance.hostname': '127.0.0.1',
    'eureka.instance.lease-renewal-interval-in-seconds': '1'
  })
  const own = '/eureka/apps/SPRING-SERVICE/spring-1'
  await until(async () => await statusAt(discovery.url, own) === 'UP', 'it registers', SLOW_MS)

  const sees = (expected: Record<string, string[]>) => until(async () => {
    const reply = await call(service.url, '/seen')
    return reply.status === 200 && JSON.stringify(JSON.parse(reply.text)) === JSON.stringify(expected)
  }, `it sees ${JSON.stringify(expected)}`, SLOW_MS)
  const itself = [`http://127.0.0.1:${service.port}`]
  await sees({ orders: ['http://h1:8080'], 'spring-service': itself })
  await register(discovery.url, { instanceId: 'second', hostName: 'h2' })
  await sees({ orders: ['http://h1:8080', 'http://h2:8080'], 'spring-service': itself })
  await call(discovery.url, '/eureka/apps/ORDERS/second/status?value=OUT_OF_SERVICE', { method: 'PUT' })
  await sees({ orders: ['http://h1:8080'], 'spring-service': itself })
  await call(discovery.url, PATH, { method: 'DELETE' })
  await call(discovery.url, '/eureka/apps/ORDERS/second', { method: 'DELETE' })
  await sees({ 'spring-service': itself })

  await call(discovery.url, own, { method: 'DELETE' })
  await until(async () => await statusAt(discovery.url, own) === 'UP', 'forgotten, it registers again', SLOW_MS)
  await call(discovery.url, `${own}/status?value=OUT_OF_SERVICE`, { method: 'PUT' })
  await call(discovery.url, `${own}/status`, { method: 'DELETE' })
  await until(async () => await statusAt(discovery.url, own) === 'UP', 'cleared, its true status returns', SLOW_MS)
  await service.stop()
  t.equal(await statusAt(discovery.url, own), 404, 'stopped, it is gone')
})

t.test('Netflix\'s own client with its Jersey transport', async t => {
  const calls = new Set<string>()
  const discovery = createDiscovery({ port: 0 })
  discovery.server.addHook('onRequest', async ({ method, url, headers }) => {
    if (headers['discoveryidentity-name'] === 'Jersey3DefaultClient') calls.add(`${method} ${url.replace(/\?.*/, '')}`)
  })
  await discovery.start()
  t.after(() => discovery.stop())
  await register(discovery.url)
  const client = await startNetflixClient(t, {
    'eureka.serviceUrl.default': `${discovery.url}/eureka/`,
    'eureka.name': 'jersey-service',
    'eureka.instanceId': 'jersey:1',
    'eureka.vipAddress': 'jersey-service',
    'eureka.client.refresh.interval': '1',
    'eureka.lease.renewalInterval': '1',
    'eureka.appinfo.initial.replicate.time': '0'
  })
  const own = '/eureka/apps/JERSEY-SERVICE/jersey:1'
  const sees = (expected: string) => until(async () => (await call(client.url, '/')).text === expected, `it sees ${expected}`, SLOW_MS)
  await until(async () => await statusAt(discovery.url, own) === 'UP', 'it registers', SLOW_MS)
  await sees('JERSEY-SERVICE/jersey:1 ORDERS/h1:orders:8080')
  await register(discovery.url, { instanceId: 'second' })
  await sees('JERSEY-SERVICE/jersey:1 ORDERS/h1:orders:8080 ORDERS/second')
  await call(discovery.url, '/eureka/apps/ORDERS/second/status?value=OUT_OF_SERVICE', { method: 'PUT' })
  await sees('JERSEY-SERVICE/jersey:1 ORDERS/h1:orders:8080')
  await call(discovery.url, PATH, { method: 'DELETE' })
  await sees('JERSEY-SERVICE/jersey:1')
  await call(discovery.url, own, { method: 'DELETE' })
  await until(async () => await statusAt(discovery.url, own) === 'UP', 'forgotten, it registers again', SLOW_MS)
  await call(discovery.url, `${own}/status?value=OUT_OF_SERVICE`, { method: 'PUT' })
  await call(discovery.url, `${own}/status`, { method: 'DELETE' })
  await until(async () => await statusAt(discovery.url, own) === 'UP', 'cleared, its true status returns', SLOW_MS)
  await client.stop()
  t.equal(await statusAt(discovery.url, own), 404, 'stopped, it is gone')
  t.strictSame([...calls].sort(), [`DELETE ${own}`, 'GET /eureka/apps/', 'GET /eureka/apps/delta',
    'POST /eureka/apps/JERSEY-SERVICE', `PUT ${own}`], 'by its own transport, deltas included')
})

t.test('a Spring Eureka server as a peer', async t => {
  const ours = await startDiscovery(t, { peerBatchMs: 50 })
  const settings = {
    'eureka.client.service-url.defaultZone': `${ours.url}/eureka/`,
    'eureka.client.register-with-eureka': 'false',
    'eureka.client.fetch-registry': 'false',
    'eureka.instance.hostname': 'spring-peer',
    'eureka.server.enable-self-preservation': 'false',
    'eureka.server.peer-node-read-timeout-ms': '5000'
  }
  const spring = await startSpring(t, 'ServerApplication', settings)
  await ours.usePeers([`${spring.url}/eureka/`])
  const both = (status: unknown, what: string) => until(async () =>
    await statusAt(ours.url) === status && await statusAt(spring.url) === status, what, SLOW_MS)

  await register(ours.url)
  await both('UP', 'registered with ours, known to Spring\'s')
  await call(ours.url, `${PATH}/status?value=OUT_OF_SERVICE&lastDirtyTimestamp=1700000000000`, { method: 'PUT' })
  await both('OUT_OF_SERVICE', 'an override goes over')
  await call(ours.url, `${PATH}/status?value=UP&lastDirtyTimestamp=1700000000000`, { method: 'DELETE' })
  await both('UP', 'and its removal')
  for (const [method, value] of [['PUT', 'OUT_OF_SERVICE'], ['DELETE', 'UP'], ['PUT', 'OUT_OF_SERVICE']] as const) {
    await call(ours.url, `${PATH}/status?value=${value}&lastDirtyTimestamp=1700000000000`, { method })
  }
  await both('OUT_OF_SERVICE', 'set, cleared and set again ends as set')
  await call(ours.url, PATH, { method: 'DELETE' })
  await both(404, 'a cancellation goes over')

  await post(spring.url, rawInstance({ instanceId: ID }))
  await both('UP', 'registered with Spring\'s, known to ours')
  await call(spring.url, `${PATH}/status?value=DOWN&lastDirtyTimestamp=1700000000000`, { method: 'PUT' })
  await both('DOWN', 'an override set there')
  await call(spring.url, PATH, { method: 'DELETE' })
  await both(404, 'cancelled there')
  t.match(ours.peers.states()[0], { available: true, queued: 0 })

  await t.test('loss and return', async t => {
    await register(ours.url)
    await both('UP', 'known to both')
    await spring.kill()
    await register(ours.url, { instanceId: 'meanwhile' })
    await until(() => ours.peers.states()[0]!.available === false, 'ours notices', SLOW_MS)
    const again = await startSpring(t, 'ServerApplication', settings, spring.port)
    const renewing = setInterval(() => { void renewAll(ours) }, 500)
    t.after(() => clearInterval(renewing))
    await until(async () => await statusAt(again.url) === 'UP' &&
      await statusAt(again.url, '/eureka/apps/ORDERS/meanwhile') === 'UP', 'it is told everything again', SLOW_MS)
    t.equal(await statusAt(ours.url), 'UP', 'and ours lost nothing')
  })
})

t.test('ours joins a Spring server that has been there before, and each is a region of the other', async t => {
  const region = await startDiscovery(t)
  await register(region.url, { app: 'USERS', instanceId: 'users-1' })
  const spring = await startSpring(t, 'ServerApplication', {
    'eureka.client.register-with-eureka': 'false', 'eureka.client.fetch-registry': 'false',
    'eureka.server.use-read-only-response-cache': 'false',
    'eureka.server.remote-region-urls-with-name.ours': `${region.url}/eureka/`,
    'eureka.server.remote-region-registry-fetch-interval': '1',
    // What a region brings does not invalidate Spring's cache.
    'eureka.server.response-cache-auto-expiration-in-seconds': '1'
  })
  await post(spring.url, rawInstance())
  const ours = await joining(t, spring.url)
  t.equal(await statusAt(ours.url), 'UP', 'without what Spring\'s shows of its regions')
  const from = (path: string) => call(spring.url, path, { headers: JSON_ACCEPT })
  await until(async () => (await from('/eureka/apps?regions=ours')).text.includes('users-1'), 'Spring\'s shows what ours has', SLOW_MS)
  await register(region.url, { app: 'USERS', instanceId: 'users-2' })
  await until(async () => (await from('/eureka/apps/USERS')).text.includes('users-2'), 'and what comes, by our deltas', SLOW_MS)
  const regions = [{ name: 'spring', url: `${spring.url}/eureka/`, apps: ['ORDERS'] }]
  const reader = await startDiscovery(t, { regions, regionIntervalMs: 200 })
  t.equal(await statusAt(reader.url), 'UP', 'ours shows what Spring\'s has')
  await call(spring.url, PATH, { method: 'DELETE' })
  await until(async () => await statusAt(reader.url) === 404, 'and what goes, by Spring\'s deltas', SLOW_MS)
})

async function joining (t: Tap, peer: string): Promise<Discovery> {
  const ours = await startDiscovery(t, { peerUrls: [`${peer}/eureka/`], syncRetryMs: 200, syncRetries: 100 })
  await until(() => ours.registry.book.size === 1, 'the list is taken over', SLOW_MS)
  return ours
}

async function renewAll ({ url, registry }: Discovery): Promise<void> {
  for (const { instance } of registry.book.leases()) {
    await call(url, `/eureka/apps/${instance.app}/${instance.id}`, { method: 'PUT' })
  }
}

function post (base: string, instance: Raw) {
  return call(base, '/eureka/apps/ORDERS', { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ instance }) })
}
