import { createLogger } from '@breakwater/starter'
import { loadSettings } from '@breakwater/starter/settings'
import t from 'tap'
import { ConsulAgent, findConsul } from '../../starter/test/consul-agent.ts'
import { BookView } from '../backends/book-view.ts'
import type { Backend, BackendView, BackendWriter } from '../backends/backend.ts'
import { fromEntries, toService } from '../backends/consul/mapping.ts'
import { createBackend } from '../backends/factory.ts'
import { WriteThrough } from '../backends/write-through.ts'
import type { Replication } from '../peers/replication.ts'
import { Book } from '../registry/book.ts'
import type { Instance } from '../registry/instance.ts'
import { EventReader } from './support/event-reader.ts'
import { Clock, instance, rules, type Raw } from './support/instances.ts'
import { call, getJson, register, startDiscovery, until } from './support/server.ts'

const ID = 'h1:orders:8080'
const PATH = `/eureka/apps/ORDERS/${ID}`
const replication = (action: Replication['action'], one: Instance = instance()): Replication =>
  ({ action, app: one.app, id: one.id, instance: one })

t.test('what a back end vouches for lives without a lease and changes only when it changed', async t => {
  const clock = new Clock()
  const book = new Book(rules(clock))
  const view = new BookView(book)
  view.replace('ORDERS', [instance(), instance({ instanceId: 'second' })])
  t.equal(book.size, 2)
  const { n } = book.log
  view.replace('ORDERS', [instance(), instance({ instanceId: 'second' })])
  t.equal(book.log.n, n, 'the same again is no change')
  for (let i = 0; i < 200; i++) {
    clock.advance(1000)
    book.evict()
  }
  t.equal(book.size, 2, 'nothing of it expires')
  view.replace('ORDERS', [instance({ metadata: { v: '2' } })])
  t.same([...book.leases()].map(lease => [lease.instance.id, lease.instance.metadata.get('v')]), [[ID, '2']])
  t.same(view.apps(), ['ORDERS'])
  view.replace('ORDERS', [])
  t.same([book.size, view.apps()], [0, []])
})

t.test('who speaks to the registry itself lives by a lease, and by the back end\'s word when it falls silent', async t => {
  const clock = new Clock()
  const book = new Book(rules(clock))
  const view = new BookView(book)
  book.register(instance({ metadata: { of: 'client' } }), false)
  view.replace('ORDERS', [instance({ metadata: { of: 'backend' } })])
  t.equal(book.lease('ORDERS', ID)!.instance.metadata.get('of'), 'client')
  view.replace('ORDERS', [])
  t.equal(book.size, 1, 'it is not the back end\'s to remove')
  view.replace('ORDERS', [instance({ metadata: { of: 'backend' } })])
  book.evict()
  for (let i = 0; i < 91; i++) {
    clock.advance(1000)
    for (const { app, id } of book.evict()) view.leaseEnded(app, id)
  }
  t.equal(book.lease('ORDERS', ID)!.instance.metadata.get('of'), 'backend')
  t.equal(book.renew('ORDERS', ID, { replicated: false }), 'renewed')
  t.equal(book.lease('ORDERS', ID)!.durationMs, 90_000, 'and by a lease again when it speaks')
})

t.test('an override outlasts what the back end says next', async t => {
  const book = new Book(rules(new Clock()))
  const view = new BookView(book)
  view.replace('ORDERS', [instance()])
  book.override('ORDERS', ID, 'OUT_OF_SERVICE')
  view.replace('ORDERS', [instance({ metadata: { v: '2' } })])
  t.match(book.lease('ORDERS', ID)!.instance, { status: 'OUT_OF_SERVICE', overriddenStatus: 'OUT_OF_SERVICE' })
})

t.test('writing through', async t => {
  /** A back end that notes what it is told. */
  const recorder = () => {
    const told: string[] = []
    const state = { fails: 0, knows: true, release: () => {} }
    const step = async (what: string): Promise<boolean> => {
      if (state.fails-- > 0) throw new Error('away')
      told.push(what)
      return state.knows
    }
    const writer: BackendWriter = {
      put: async one => { await step(`put ${one.id} ${one.status}`) },
      renew: one => step(`renew ${one.id}`),
      remove: async one => { await step(`remove ${one.id}`) }
    }
    return { told, state, writer }
  }
  t.test('what a source forgot is put again', async t => {
    const { told, state, writer } = recorder()
    const through = new WriteThrough({ writer, find: () => instance(), log: undefined })
    state.knows = false
    through.tell(replication('Heartbeat'))
    await until(() => through.size === 0, 'done')
    t.same(told, [`renew ${ID}`, `put ${ID} UP`])
  })
  t.test('a source that is away gets the newest word when it is back', async t => {
    const { told, state, writer } = recorder()
    const through = new WriteThrough({ writer, find: () => undefined, log: undefined })
    t.after(() => through.stop())
    state.fails = 3
    through.tell(replication('Register'))
    through.tell(replication('Heartbeat', instance({ instanceId: 'other' })))
    await new Promise(setImmediate)
    through.tell(replication('StatusUpdate', instance({ status: 'DOWN' })))
    await until(() => told.length > 0 && through.size === 0, 'back')
    t.same(told, [`put ${ID} DOWN`], 'the lost renewal is made good by the next one')
    through.tell(replication('Cancel'))
    await until(() => through.size === 0, 'done')
    t.equal(told.at(-1), `remove ${ID}`)
  })
})

t.test('mapping to Consul and back', async t => {
  const one = instance({ metadata: { zone: 'z1', 'not a key': 'x', ['__proto__']: 'p', long: 'ü'.repeat(400) }, status: 'STARTING' })
  const service = toService(one)
  t.match(service, { id: `eureka:ORDERS:${ID}`, name: 'orders', address: '10.0.0.1', port: 8080, meta: { zone: 'z1' } })
  for (const value of Object.values(service.meta)) t.ok(Buffer.byteLength(value) <= 512)
  t.ok(Object.keys(service.meta).length <= 64)
  const entry = (checks: Raw[]) => ({ Node: { Node: 'n1', Address: '10.9.9.9' }, Service: { ID: service.id, Service: 'orders', Meta: service.meta }, Checks: checks })
  const [back] = fromEntries([entry([{ Status: 'warning' }])])
  t.same([...back!.metadata], [...one.metadata])
  t.match(back, { id: ID, app: 'ORDERS', status: 'STARTING', port: { number: 8080 }, healthCheckUrl: one.healthCheckUrl })
  t.same(fromEntries([entry([{ Status: 'critical' }])]), [], 'its lease ran out')
  const huge = toService(instance({ metadata: { k: 'x'.repeat(200_000) } }))
  t.ok(Object.keys(huge.meta).length <= 64, 'too large to be kept whole, it is still a service')
  const native = (checks: Raw[], changes: Raw = {}) => fromEntries([{
    Node: { Node: 'n1', Address: '10.9.9.9' }, Service: { ID: 'web-1', Service: 'Web', Port: 80, Tags: ['v1', 'blue'], Meta: { zone: 'z9' }, ...changes }, Checks: checks
  }])[0]
  t.match(native([]), { id: 'n1:web-1', app: 'WEB', hostName: '10.9.9.9', port: { number: 80 }, status: 'UP', vipAddress: 'web' })
  t.same([...native([])!.metadata], [['zone', 'z9'], ['tags', 'v1,blue']])
  t.equal(native([{ Status: 'critical' }])!.status, 'DOWN')
  t.equal(native([{ Status: 'critical', CheckID: '_node_maintenance' }])!.status, 'OUT_OF_SERVICE')
  t.equal(native([], { Address: 'web.local' })!.hostName, 'web.local')
  for (const broken of [null, {}, [null], [{ Service: 7 }], [{ Service: { Service: '' } }], [entry([]), { Service: { Meta: { 'breakwater-instance-0': '!!' } } }]]) {
    t.doesNotThrow(() => fromEntries(broken))
  }
})

interface ServiceHealth {
  Service: { ID: string, Address: string, Port: number, Meta: Record<string, string> }
  Checks: { Status: string, Output: string }[]
}

const consul = findConsul(process.env)

t.test('a real Consul', 'missing' in consul ? { skip: consul.missing } : {}, async t => {
  if ('missing' in consul) return
  const agent = await ConsulAgent.start(consul.command)
  t.after(() => agent.stop())
  const log = createLogger({ name: 'discovery', level: 'fatal' })
  const start = async () => {
    const settings = await loadSettings({
      name: 'discovery', env: {}, folder: '/nonexistent',
      args: { 'breakwater.discovery.backend': 'consul', 'spring.cloud.consul.host': '127.0.0.1', 'spring.cloud.consul.port': String(agent.port) }
    })
    return startDiscovery(t, {}, { backend: await createBackend(settings, log), log })
  }
  const health = async (name: string) =>
    await (await agent.request('GET', `/v1/health/service/${name}`)).json() as ServiceHealth[]
  const a = await start()
  await register(a.url)
  await until(async () => (await health('orders')).length === 1, 'the Eureka client is a service in Consul')
  t.match((await health('orders'))[0], { Service: { Address: '10.0.0.1', Port: 8080, Meta: { zone: 'z1' } } })

  await agent.request('PUT', '/v1/agent/service/register', JSON.stringify({
    Name: 'web', ID: 'web-1', Address: '10.0.0.9', Port: 81, Meta: { zone: 'z2' }, Check: { TTL: '60s', Status: 'passing' }
  }))
  const reader = new EventReader(a.url, '?apps=WEB')
  t.after(() => reader.close())
  await until(async () => (await call(a.url, '/eureka/apps/WEB')).status === 200, 'the Consul-native service is an application')
  t.match(await getJson(a.url, '/eureka/vips/web'), { applications: { application: [{ instance: [{ hostName: '10.0.0.9', port: { $: 81 }, metadata: { zone: 'z2' } }] }] } })
  await agent.request('PUT', '/v1/agent/check/fail/service:web-1')
  await until(() => [...reader.known.values()][0]?.status === 'DOWN', 'its failing check is pushed')

  const b = await start()
  t.match(await getJson(b.url, PATH), { instance: { hostName: 'h1', metadata: { zone: 'z1' } } }, 'a second registry knows it before it answers')
  await call(a.url, `${PATH}/status?value=OUT_OF_SERVICE`, { method: 'PUT' })
  await until(async () => (await getJson<{ instance: Raw }>(b.url, PATH)).instance.status === 'OUT_OF_SERVICE', 'an override reaches the other')
  await call(a.url, PATH, { method: 'PUT' })
  await until(async () => (await health('orders'))[0]!.Checks.some(check => check.Output === 'eureka OUT_OF_SERVICE'), 'and Consul, as a warning')
  await agent.request('PUT', `/v1/agent/service/deregister/${encodeURIComponent(`eureka:ORDERS:${ID}`)}`)
  await call(a.url, PATH, { method: 'PUT' })
  await until(async () => (await health('orders')).length === 1, 'forgotten by Consul, it is put again')

  await agent.kill()
  t.equal((await call(a.url, PATH, { method: 'PUT' })).status, 200, 'without Consul the registry goes on')
  t.equal((await call(a.url, '/eureka/apps/WEB')).status, 200)
  await register(a.url, { instanceId: 'late' })
  await agent.run()
  await until(async () => (await health('orders')).some(({ Service }) => Service.ID.endsWith('late')), 'and tells it what it missed')
  await call(a.url, '/eureka/apps/ORDERS/late', { method: 'DELETE' })
  await until(async () => !(await health('orders')).some(({ Service }) => Service.ID.endsWith('late')), 'cancelled, it leaves Consul')
  t.match((await getJson<{ instance: Raw }>(a.url, PATH)).instance.status, 'OUT_OF_SERVICE')
})

t.test('a lease that ends in Consul ends here', 'missing' in consul ? { skip: consul.missing } : {}, async t => {
  if ('missing' in consul) return
  const agent = await ConsulAgent.start(consul.command)
  t.after(() => agent.stop())
  const settings = await loadSettings({
    name: 'discovery', env: {}, folder: '/nonexistent',
    args: { 'breakwater.discovery.backend': 'consul', 'spring.cloud.consul.port': String(agent.port), 'spring.cloud.consul.host': '127.0.0.1' }
  })
  const log = createLogger({ name: 'discovery', level: 'fatal' })
  const discovery = await startDiscovery(t, {}, { backend: await createBackend(settings, log), log })
  const other = await startDiscovery(t, {}, { backend: await createBackend(settings, log), log })
  await register(discovery.url, { leaseInfo: { renewalIntervalInSecs: 1, durationInSecs: 2 } })
  await until(() => other.registry.book.size === 1, 'the other knows it')
  await until(() => other.registry.book.size === 0 && discovery.registry.book.size === 0, 'nobody renewed it')
  t.pass()
})

t.test('a back end by name', async t => {
  const log = createLogger({ name: 'discovery', level: 'fatal' })
  const make = async (name: string): Promise<Backend | undefined> => createBackend(await loadSettings({
    name: 'discovery', env: {}, folder: '/nonexistent', args: { 'breakwater.discovery.backend': name }
  }), log)
  t.equal(await make('memory'), undefined)
  t.equal((await make('consul'))!.description, 'consul http://localhost:8500')
  await t.rejects(make('zookeeper'), { code: 'E_DISCOVERY_OPTION', message: /memory, consul or kubernetes/ })
})

t.test('a read-only source is a list that Eureka clients can fetch', async t => {
  let fill: BackendView | undefined
  const backend: Backend = {
    description: 'fake', connected: true, writer: undefined,
    start: async view => { fill = view; view.replace('PODS', [instance({ app: 'PODS', instanceId: 'pod-1' })]) },
    stop: async () => {}
  }
  const { url } = await startDiscovery(t, {}, { backend })
  t.match(await getJson(url, '/eureka/apps'), { applications: { apps__hashcode: 'UP_1_', application: [{ name: 'PODS' }] } })
  await register(url)
  fill!.replace('PODS', [])
  t.match(await getJson(url, '/eureka/apps'), { applications: { application: [{ name: 'ORDERS' }] } })
})
