import { createServer } from 'node:http'
import fc from 'fast-check'
import t from 'tap'
import { Payloads } from '../eureka/payloads.ts'
import { createDiscovery, type Discovery, type DiscoveryOptions } from '../index.ts'
import { createMetrics } from '../metrics.ts'
import { Union } from '../regions/union.ts'
import { Book } from '../registry/book.ts'
import { STATUSES, type Status } from '../registry/instance.ts'
import { hashOf } from '../registry/status.ts'
import { Clock, instance, rawInstance, rules, type Raw } from './support/instances.ts'
import { call, getJson, JSON_ACCEPT, register, startDiscovery, until } from './support/server.ts'

interface Tap { after: (undo: () => unknown) => unknown }
interface List { applications: Applications }
interface Applications {
  apps__hashcode: string
  versions__delta: string
  application: { name: string, instance: Raw[] }[]
}

const MS = 20
/** A region that nobody knows is asked for, to be told what that registry has itself. */
const [FULL, DELTA] = ['/eureka/apps/?regions=no-other-region', '/eureka/apps/delta?regions=no-other-region']

/** A registry whose regions are these, fetched all the time. */
function withRegions (
  t: Tap, regions: Record<string, string>, options: Partial<DiscoveryOptions> = {}, apps?: string[]
): Promise<Discovery> {
  return startDiscovery(t, {
    regions: Object.entries(regions).map(([name, url]) => ({ name, url: `${url}/eureka/`, apps })), regionIntervalMs: MS, ...options
  })
}

/** What a list holds, as `APP/id` in order. */
async function listed (url: string, path = '/eureka/apps'): Promise<string> {
  return namesOf(await getJson<List>(url, path))
}

function namesOf ({ applications }: List): string {
  return applications.application.flatMap(app => app.instance.map(one => `${app.name}/${String(one.instanceId)}`)).sort().join(' ')
}

/** A port at which nobody answers yet. */
async function freePort (): Promise<number> {
  const discovery = createDiscovery({ port: 0 })
  await discovery.start()
  const { port } = new URL(discovery.url)
  await discovery.stop()
  return Number(port)
}

const knows = (discovery: Discovery, count: number) => until(() =>
  discovery.regions.remotes.reduce((sum, { book }) => sum + book.size, 0) === count, `${count} instances elsewhere`)

t.test('regions that are named are added to the list, each instance once', async t => {
  const east = await startDiscovery(t)
  const west = await startDiscovery(t)
  await register(east.url, { instanceId: 'e1' })
  await register(west.url, { instanceId: 'w1', app: 'USERS' })
  await register(west.url, { instanceId: 'both', metadata: { from: 'west' } })
  const { url } = await withRegions(t, { east: east.url, west: west.url }, { regionFallback: false })
  await register(url, { instanceId: 'own' })
  await register(url, { instanceId: 'both', metadata: { from: 'here' } })
  t.equal(await listed(url), 'ORDERS/both ORDERS/own')
  t.equal(await listed(url, '/eureka/apps?regions=east'), 'ORDERS/both ORDERS/e1 ORDERS/own')
  t.equal(await listed(url, '/eureka/apps?regions=WEST,east'), 'ORDERS/both ORDERS/e1 ORDERS/own USERS/w1')
  t.equal(await listed(url, '/eureka/apps?regions=north'), 'ORDERS/both ORDERS/own', 'an unknown region is ignored')
  t.equal(await listed(url, '/eureka/apps?regions=north,west'), 'ORDERS/both ORDERS/own USERS/w1')
  const { applications } = await getJson<List>(url, '/eureka/v2/apps/?regions=east,west')
  t.equal(applications.apps__hashcode, 'UP_4_')
  const own = applications.application.flatMap(app => app.instance).find(one => one.instanceId === 'both')
  t.equal((own!.metadata as Raw).from, 'here', 'this registry knows its own best')
  t.match((await call(url, '/eureka/apps?regions=west')).text, '<apps__hashcode>UP_3_</apps__hashcode>', 'as XML, too')
  t.equal((await call(url, '/eureka/apps/USERS', { headers: JSON_ACCEPT })).status, 404, 'nothing falls back')
})

t.test('an application that nobody has here comes from the first region that has it', async t => {
  const east = await startDiscovery(t)
  const west = await startDiscovery(t)
  await register(east.url, { instanceId: 'e1', app: 'USERS', vipAddress: 'users' })
  await register(west.url, { instanceId: 'w1', app: 'USERS', vipAddress: 'users' })
  await register(west.url, { instanceId: 'w2', app: 'STOCK', vipAddress: 'stock', secureVipAddress: 'stock-tls' })
  const here = await withRegions(t, { east: east.url, west: west.url })
  const { url } = here
  await register(url, { instanceId: 'own' })
  t.equal(await listed(url), 'ORDERS/own STOCK/w2 USERS/e1')
  t.match(await getJson(url, '/eureka/apps/STOCK'), { application: { name: 'STOCK', instance: [{ instanceId: 'w2' }] } })
  t.match(await getJson(url, '/eureka/apps/STOCK/w2'), { instance: { instanceId: 'w2' } })
  t.match(await getJson(url, '/eureka/instances/w2'), { instance: { instanceId: 'w2' } })
  t.equal(await listed(url, '/eureka/vips/users'), 'USERS/e1')
  t.equal(await listed(url, '/eureka/svips/stock-tls'), 'STOCK/w2')
  t.equal(await listed(url, '/eureka/vips/nobody'), '')
  t.equal((await call(url, '/eureka/apps/NOBODY')).status, 404)
  t.equal((await call(url, '/eureka/instances/nobody')).status, 404)
  const servers = await getJson<List>(url, '/eureka/apps', { 'DiscoveryIdentity-Name': 'DefaultServer' })
  t.equal(namesOf(servers), 'ORDERS/own', 'another registry is told what is here alone')

  await register(url, { instanceId: 'u1', app: 'USERS' })
  t.equal(await listed(url), 'ORDERS/own STOCK/w2 USERS/u1')
  const delta = (await getJson<List>(url, '/eureka/apps/delta')).applications
  const gone = delta.application.flatMap(app => app.instance).filter(one => one.actionType === 'DELETED')
  t.same(gone.map(one => one.instanceId), ['e1'], 'who read the other region\'s is told that it is gone')
  t.equal(delta.apps__hashcode, 'UP_3_')
  await call(url, '/eureka/apps/USERS/u1', { method: 'DELETE' })
  t.equal(await listed(url), 'ORDERS/own STOCK/w2 USERS/e1')
  t.match(await createMetrics(here.registry, here.peers, here.regions).metrics(), 'breakwater_discovery_region_instances{region="west"} 2\n')
})

t.test('only listed applications are taken from a region', async t => {
  const east = await startDiscovery(t)
  await register(east.url, { instanceId: 'e1' })
  await register(east.url, { instanceId: 'e2', app: 'SECRET', vipAddress: 'secret' })
  const { url } = await withRegions(t, { east: east.url }, {}, ['ORDERS'])
  t.equal(await listed(url), 'ORDERS/e1')
  t.equal(await listed(url, '/eureka/apps?regions=east'), 'ORDERS/e1')
  t.equal(await listed(url, '/eureka/vips/secret'), '')
  for (const path of ['/eureka/apps/SECRET', '/eureka/apps/SECRET/e2', '/eureka/instances/e2']) t.equal((await call(url, path)).status, 404, path)
})

t.test('what happens in a region is seen by who follows its deltas', async t => {
  const east = await startDiscovery(t)
  await register(east.url, { instanceId: 'e1' })
  const here = await withRegions(t, { east: east.url })
  const delta = async () => await getJson<List>(here.url, '/eureka/apps/delta?regions=east')
  const first = await delta()
  t.equal(first.applications.apps__hashcode, 'UP_1_')
  await register(east.url, { instanceId: 'e2' })
  await knows(here, 2)
  const second = await delta()
  t.equal(second.applications.apps__hashcode, 'UP_2_')
  t.not(second.applications.versions__delta, first.applications.versions__delta)
  await call(east.url, '/eureka/apps/ORDERS/e1/status?value=DOWN', { method: 'PUT' })
  await until(async () => (await delta()).applications.apps__hashcode === 'DOWN_1_UP_1_', 'an override there')
  await call(east.url, '/eureka/apps/ORDERS/e2', { method: 'DELETE' })
  await knows(here, 1)
  const changes = (await delta()).applications.application.flatMap(app => app.instance)
  t.same(changes.map(one => `${String(one.instanceId)} ${String(one.actionType)}`).sort(), ['e1 ADDED', 'e2 DELETED'])
})

t.test('a region that has not answered yet is no empty region', async t => {
  const port = await freePort()
  const { url } = await withRegions(t, { east: `http://127.0.0.1:${port}` })
  await register(url, { instanceId: 'own' })
  for (const path of ['/eureka/apps?regions=east', '/eureka/apps/delta?regions=east']) {
    const reply = await call(url, path)
    t.same([reply.status, reply.text], [403, ''], path)
  }
  t.equal(await listed(url), 'ORDERS/own', 'who does not ask for it is answered')
  const east = await startDiscovery(t, { port })
  await register(east.url, { instanceId: 'e1' })
  await until(async () => (await call(url, '/eureka/apps?regions=east')).status === 200, 'it answers')
  await until(async () => await listed(url, '/eureka/apps?regions=east') === 'ORDERS/e1 ORDERS/own', 'and is known')
  await east.stop()
  await until(async () => await listed(url, '/eureka/apps?regions=east') === 'ORDERS/e1 ORDERS/own', 'what it said last is kept')
})

t.test('everything is fetched when a delta does not fit, is refused, or is not wanted', async t => {
  const asked: string[] = []
  const state = { list: ['a'], deltaHash: 'UP_1_', deltaStatus: 200 }
  const remote = createServer((request, response) => {
    asked.push(request.url!)
    const isDelta = request.url!.startsWith('/eureka/apps/delta')
    const entries = isDelta ? [] : state.list.map(id => rawInstance({ instanceId: id }))
    response.statusCode = isDelta ? state.deltaStatus : 200
    response.end(JSON.stringify({ applications: { apps__hashcode: isDelta ? state.deltaHash : '', application: { name: 'ORDERS', instance: entries } } }))
  })
  await new Promise<void>(resolve => remote.listen(0, '127.0.0.1', resolve))
  t.after(() => { remote.closeAllConnections(); remote.close() })
  const at = `http://127.0.0.1:${(remote.address() as { port: number }).port}`
  const here = await withRegions(t, { east: at })
  await until(() => asked.length >= 4, 'some rounds')
  t.same([...new Set(asked)], [FULL, DELTA])
  t.equal(asked.filter(path => path === FULL).length, 1, 'once everything, then deltas')
  state.list = ['a', 'b']
  state.deltaHash = 'UP_2_'
  await knows(here, 2)
  state.list = ['b']
  state.deltaStatus = 403
  await knows(here, 1)
  t.ok(asked.includes('/eureka/apps/delta'), 'who is refused asks for what is shown')
  await here.stop()
  asked.length = 0
  await withRegions(t, { east: at }, { regionDelta: false })
  await until(() => asked.length >= 3, 'some rounds')
  t.same([...new Set(asked)], [FULL])
})

t.test('two that are each other\'s region do not keep the dead alive', async t => {
  const port = await freePort()
  const a = await withRegions(t, { b: `http://127.0.0.1:${port}` })
  const b = await withRegions(t, { a: a.url }, { port })
  await register(a.url, { instanceId: 'a1' })
  await knows(b, 1)
  await register(b.url, { instanceId: 'b1', app: 'USERS' })
  await knows(a, 1)
  for (const { url } of [a, b]) t.equal(await listed(url), 'ORDERS/a1 USERS/b1')
  await call(a.url, '/eureka/apps/ORDERS/a1', { method: 'DELETE' })
  await knows(b, 0)
  for (const { url } of [a, b]) t.equal(await listed(url), 'USERS/b1')
})

t.test('regions that cannot be', async t => {
  const region = (url: string) => [{ name: 'east', url, apps: undefined }]
  t.throws(() => createDiscovery({ regions: region('ftp://user:secret@east') }), { code: 'E_PEER_URL', message: /^(?!.*secret)/ })
  t.throws(() => createDiscovery({ regions: Array.from({ length: 7 }, () => region('http://east:1/eureka/')[0]!) }), { code: 'E_DISCOVERY_OPTION' })
})

t.test('deltas of a union and its full list agree after any interleaving', async t => {
  const seed = Date.now() & 0x7fffffff
  t.comment(`seed ${seed}`)
  const step = fc.record({
    source: fc.nat(2), app: fc.constantFrom('A', 'B', '__PROTO__'), id: fc.constantFrom('a', 'b', '__proto__'),
    status: fc.constantFrom(...STATUSES), kind: fc.constantFrom('register', 'register', 'cancel', 'wait', 'read')
  })
  fc.assert(fc.property(fc.boolean(), fc.array(step, { maxLength: 60 }), (firstOnly, steps) => {
    const clock = new Clock()
    const books = [0, 1, 2].map(() => new Book(rules(clock, { maxRemoved: 3 })))
    const sources = books.map((book, i) => ({ book, allows: (app: string) => i !== 2 || app !== 'B' }))
    const union = new Union(sources, { now: clock.now, deltaMs: 180_000, maxRemoved: 5, firstOnly })
    const payloads = new Payloads(union, clock.now)
    const client = new Map<string, Raw>()
    const read = (): void => {
      union.refresh()
      const delta = payloads.delta('json')
      if (delta === undefined) client.clear()
      const list = JSON.parse((delta ?? payloads.all('json')).bytes().toString()) as List
      for (const raw of list.applications.application.flatMap(app => app.instance)) {
        if (delta !== undefined && raw.actionType === 'DELETED') client.delete(`${String(raw.app)}/${String(raw.instanceId)}`)
        else client.set(`${String(raw.app)}/${String(raw.instanceId)}`, raw)
      }
      if (hashOf(client.values() as Iterable<{ status: Status }>) !== list.applications.apps__hashcode) throw new Error('the hash does not fit')
    }
    for (const { source, app, id, status, kind } of steps) {
      if (kind === 'register') books[source]!.register(instance({ app, instanceId: id, status, metadata: { source: String(source) } }), true)
      else if (kind === 'cancel') books[source]!.cancel(app, id)
      else read()
      if (kind === 'wait') clock.advance(100_000)
    }
    read()
    const all = (JSON.parse(payloads.all('json').bytes().toString()) as List).applications.application.flatMap(app => app.instance)
    const sorted = (list: Iterable<Raw>): string => JSON.stringify([...list].map(raw => JSON.stringify(raw)).sort())
    if (sorted(client.values()) !== sorted(all)) throw new Error('the delta client differs')
    if (union.size !== all.length) throw new Error('the size differs')
    const expected = new Map<string, string>()
    for (const [i, { book, allows }] of sources.entries()) {
      for (const app of book.apps.values()) {
        const has = [...expected].some(([key, from]) => key.startsWith(`${app.name}/`) && from !== String(i))
        if (!allows(app.name) || (firstOnly && has)) continue
        for (const id of app.leases.keys()) if (!expected.has(`${app.name}/${id}`)) expected.set(`${app.name}/${id}`, String(i))
      }
    }
    for (const [key, raw] of client) if (expected.get(key) !== (raw.metadata as Raw).source) throw new Error(`${key} is of the wrong source`)
    if (expected.size !== client.size) throw new Error('somebody is missing')
  }), { seed, numRuns: 400 })
  t.pass()
})

t.test('a registry that may not start empty answers no lists until it has one or its time is up', async t => {
  const clock = new Clock()
  const peer = createServer((_request, response) =>
    response.end(JSON.stringify({ applications: { application: lists } })))
  let lists: object[] = []
  await new Promise<void>(resolve => peer.listen(0, '127.0.0.1', resolve))
  t.after(() => { peer.closeAllConnections(); peer.close() })
  const peerUrls = [`http://127.0.0.1:${(peer.address() as { port: number }).port}/eureka/`]
  const closed = { openForTrafficCount: 0, waitWhenEmptyMs: 60_000 }
  const paths = ['/eureka/apps', '/eureka/apps/', '/eureka/apps/delta', '/eureka/apps/ORDERS', '/eureka/vips/orders', '/eureka/svips/orders-tls']
  const codes = async (url: string) =>
    [...new Set(await Promise.all(paths.map(async path => (await call(url, path)).status)))]

  const alone = await startDiscovery(t, closed, { now: clock.now })
  t.equal((await register(alone.url)).status, 204, 'who comes is registered')
  t.same(await codes(alone.url), [403])
  t.equal((await call(alone.url, '/eureka/apps')).text, '')
  t.equal((await call(alone.url, '/eureka/apps/ORDERS/h1:orders:8080')).status, 200, 'and found alone')
  t.equal((await call(alone.url, '/eureka/apps/ORDERS/h1:orders:8080', { method: 'PUT' })).status, 200, 'and renews')
  t.equal((await call(alone.url, '/eureka/stream')).status, 503, 'no reader of the stream is told that there is nobody')
  clock.advance(60_000)
  t.same(await codes(alone.url), [200])

  const retrying = { ...closed, peerUrls, syncRetryMs: MS, syncRetries: 1000 }
  const joining = await startDiscovery(t, retrying, { now: clock.now })
  t.same(await codes(joining.url), [403])
  lists = [{ name: 'ORDERS', instance: [rawInstance()] }]
  await until(() => joining.registry.book.size === 1, 'the peer has a list')
  t.same(await codes(joining.url), [200])
  t.same(await codes((await startDiscovery(t, { ...closed, peerUrls }, { now: clock.now })).url), [200], 'who finds it at once answers at once')
  t.equal((await call((await startDiscovery(t)).url, '/eureka/apps')).status, 200, 'by default, as Spring\'s, an empty one answers')
})
