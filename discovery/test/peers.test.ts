import { createServer, type IncomingHttpHeaders } from 'node:http'
import fc from 'fast-check'
import t from 'tap'
import { createDiscovery, type Discovery, type DiscoveryOptions } from '../index.ts'
import { parseTree } from '../eureka/body.ts'
import { decodeBatch, decodeResults, encodeBatch, encodeResults } from '../peers/batch.ts'
import { otherPeers } from '../peers/own-url.ts'
import { ReplicationQueue } from '../peers/queue.ts'
import { applyItem } from '../peers/receive.ts'
import type { Replication } from '../peers/replication.ts'
import type { Registry } from '../registry.ts'
import { STATUSES, type Status } from '../registry/instance.ts'
import { Clock, instance, rawInstance, type Raw } from './support/instances.ts'
import { bareRegistry } from './support/registry.ts'
import { call, getJson, JSON_TYPE, register, startDiscovery, until } from './support/server.ts'

const ID = 'h1:orders:8080'
const PATH = `/eureka/apps/ORDERS/${ID}`
const QUEUE = { max: 100, cancelMs: 30_000, statusMs: 600_000 }

interface Batch { headers: IncomingHttpHeaders, items: Raw[] }

/** A peer that writes down what it is told and answers as it is told to. */
async function recorder (t: Tap, answer: () => { status: number } = () => ({ status: 200 })) {
  const batches: Batch[] = []
  const state = { list: [] as Raw[] }
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    if (request.method === 'GET') return response.end(JSON.stringify({ applications: { application: state.list } }))
    // As Spring's own server, it has no lists to compare.
    if (!request.url!.includes('/batch')) return response.writeHead(404).end()
    const items = (JSON.parse(text) as { replicationList: Raw[] }).replicationList
    const { status } = answer()
    if (status === 200) batches.push({ headers: request.headers, items })
    response.statusCode = status
    response.end(JSON.stringify({ responseList: items.map(() => ({ statusCode: 200 })) }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => { server.closeAllConnections(); server.close() })
  const { port } = server.address() as { port: number }
  return Object.assign(state, {
    batches, url: `http://127.0.0.1:${port}/eureka/`, items: () => batches.flatMap(batch => batch.items)
  })
}

interface Tap { after: (undo: () => unknown) => unknown }

const start = (t: Tap, options: Partial<DiscoveryOptions> = {}) => startDiscovery(t, { peerBatchMs: 20, ...options })

/** Two registries that know each other. */
async function pair (t: Tap, options: Partial<DiscoveryOptions> = {}): Promise<[Discovery, Discovery]> {
  const a = await start(t, options)
  const b = await start(t, { ...options, peerUrls: [`${a.url}/eureka/`] })
  await connect(a, b)
  return [a, b]
}

function connect (a: Discovery, b: Discovery): Promise<void> {
  return a.usePeers([`${b.url}/eureka/`])
}

const statusAt = async ({ url }: Discovery) => {
  const reply = await call(url, PATH, { headers: { accept: 'application/json' } })
  return reply.status === 200 ? (JSON.parse(reply.text) as { instance: Raw }).instance.status : reply.status
}

t.test('each thing that a client does is one item of a batch, in Eureka\'s words', async t => {
  const peer = await recorder(t)
  const { url } = await start(t, { peerUrls: [peer.url] })
  await register(url)
  await call(url, `${PATH}/status?value=OUT_OF_SERVICE`, { method: 'PUT' })
  await call(url, PATH, { method: 'PUT' })
  await until(() => peer.items().length === 3, 'three items')
  await call(url, `${PATH}/status?value=UP`, { method: 'DELETE' })
  await call(url, `${PATH}/metadata?k=v`, { method: 'PUT' })
  await call(url, PATH, { method: 'DELETE' })
  await until(() => peer.items().some(item => item.action === 'Cancel'), 'the cancel')
  t.match(peer.items().slice(0, 3), [
    { appName: 'ORDERS', id: ID, lastDirtyTimestamp: 1_700_000_000_000, status: 'UP', instanceInfo: { instanceId: ID, port: { $: 8080 } }, action: 'Register' },
    { appName: 'ORDERS', id: ID, lastDirtyTimestamp: 1_700_000_000_000, status: 'OUT_OF_SERVICE', action: 'StatusUpdate' },
    { appName: 'ORDERS', id: ID, overriddenStatus: 'OUT_OF_SERVICE', status: 'OUT_OF_SERVICE', action: 'Heartbeat' }
  ])
  const between = peer.items().slice(3, -1).map(item => item.action)
  t.match(between.join(), /^(DeleteStatusOverride)?,?(Register)?$/, 'in order, unless the cancel made them superfluous')
  t.same(peer.items().at(-1), { appName: 'ORDERS', id: ID, action: 'Cancel' }, 'and not a field more')
  t.match(peer.batches[0]!.headers, {
    accept: 'application/json', 'content-type': 'application/json', 'discoveryidentity-name': 'DefaultServer', 'discoveryidentity-version': '1.0'
  })
})

t.test('what happens at one registry is known at the other, and goes no further', async t => {
  const [a, b] = await pair(t)
  await register(a.url)
  await until(async () => await statusAt(b) === 'UP', 'it is registered at b')
  await call(b.url, `${PATH}/status?value=DOWN`, { method: 'PUT' })
  await until(async () => await statusAt(a) === 'DOWN', 'the override set at b holds at a')
  await call(a.url, `${PATH}/status?value=UP`, { method: 'DELETE' })
  await until(async () => await statusAt(b) === 'UP', 'cleared at a, it is cleared at b')
  await call(b.url, PATH, { method: 'DELETE' })
  await until(async () => await statusAt(a) === 404, 'cancelled at b, it is gone at a')
  // What is known there is counted here only once the answer is back.
  await until(() => a.peers.states()[0]!.sent === 2, 'a told what its own clients did')
  await until(() => b.peers.states()[0]!.sent === 2, 'and b what its own did')
  // Had one told the other what it was told, that would stand in front of this.
  await register(a.url, { instanceId: 'last' })
  await register(b.url, { instanceId: 'least' })
  await until(() => a.registry.book.size === 2 && b.registry.book.size === 2, 'the next words')
  await until(() => a.peers.states()[0]!.sent >= 3 && b.peers.states()[0]!.sent >= 3, 'are counted')
  t.same([a, b].map(one => one.peers.states()[0]!.sent), [3, 3], 'and nothing else was told')
})

t.test('set, cleared and set again before the batch leaves ends as set', async t => {
  const [a, b] = await pair(t, { peerBatchMs: 300 })
  await register(a.url)
  await until(async () => await statusAt(b) === 'UP', 'registered')
  await call(a.url, `${PATH}/status?value=OUT_OF_SERVICE`, { method: 'PUT' })
  await call(a.url, `${PATH}/status`, { method: 'DELETE' })
  await call(a.url, `${PATH}/status?value=OUT_OF_SERVICE`, { method: 'PUT' })
  await until(() => a.peers.states()[0]!.sent === 4, 'all is told')
  t.match(await getJson(b.url, PATH), { instance: { status: 'OUT_OF_SERVICE', overriddenStatus: 'OUT_OF_SERVICE' } })
})

t.test('a registry that joins knows what its peer knows before it answers anybody', async t => {
  const a = await start(t)
  await register(a.url, { overriddenStatus: 'OUT_OF_SERVICE' })
  for (let i = 0; i < 50; i++) await register(a.url, { instanceId: `i${i}`, app: `A${i % 5}` })
  const b = await start(t, { peerUrls: ['http://127.0.0.1:1/eureka/', `${a.url}/eureka/`] })
  t.equal(b.registry.book.size, 51)
  t.equal(b.registry.book.statuses.hash(), a.registry.book.statuses.hash())
})

t.test('registries that start together ask again until one of them has a list', async t => {
  const peer = await recorder(t)
  const a = await start(t, { peerUrls: [peer.url], syncRetryMs: 20, syncRetries: 1000 })
  t.equal(a.registry.book.size, 0)
  peer.list = [{ name: 'ORDERS', instance: [rawInstance()] }]
  await until(() => a.registry.book.size === 1, 'it has the list')
  t.pass()
})

t.test('batches are sent packed when asked', async t => {
  const [a, b] = await pair(t, { peerCompression: true })
  await register(b.url)
  await until(() => a.registry.book.size === 1, 'understood')
  t.pass()
})

t.test('a peer that forgot an instance gets it back with the next heartbeat', async t => {
  const [a, b] = await pair(t)
  await register(a.url)
  await call(a.url, `${PATH}/status?value=OUT_OF_SERVICE`, { method: 'PUT' })
  await until(async () => await statusAt(b) === 'OUT_OF_SERVICE', 'known at b')
  b.registry.book.lease('ORDERS', ID)!.unverified = true
  b.registry.book.copies.doubt('ORDERS', ID)
  await call(a.url, PATH, { method: 'PUT' })
  await until(async () => await statusAt(b) === 'OUT_OF_SERVICE', 'back, with its override')
  t.pass()
})

t.test('of two copies the newer wins on both sides', async t => {
  const [a, b] = await pair(t)
  await register(a.url, { lastDirtyTimestamp: 100, metadata: { v: 'old' } })
  await until(async () => await statusAt(b) === 'UP', 'known at b')
  b.registry.register(instance({ lastDirtyTimestamp: 200, metadata: { v: 'new' } }), true)
  await call(a.url, PATH, { method: 'PUT' })
  await until(() => a.registry.book.lease('ORDERS', ID)!.instance.metadata.get('v') === 'new', 'a took b\'s copy')
  t.pass()
})

t.test('a congested peer is given time and then told all of it', async t => {
  let refusals = 2
  const peer = await recorder(t, () => ({ status: refusals-- > 0 ? 503 : 200 }))
  const { url, peers } = await start(t, { peerUrls: [peer.url] })
  for (let i = 0; i < 5; i++) await register(url, { instanceId: `i${i}` })
  await until(() => peer.items().length === 5, 'all five')
  t.same(peer.items().map(item => item.id), ['i0', 'i1', 'i2', 'i3', 'i4'], 'in order')
  await until(() => peers.states()[0]!.sent === 5, 'and the answer is back')
  t.match(peers.states()[0], { available: true, queued: 0, dropped: 0, failures: 2 })
})

t.test('a peer that was away hears of overrides when it is back', async t => {
  const a = await start(t)
  await register(a.url)
  const b = await start(t, { peerUrls: [`${a.url}/eureka/`] })
  await connect(a, b)
  const port = Number(new URL(b.url).port)
  await b.stop()
  await call(a.url, `${PATH}/status?value=OUT_OF_SERVICE`, { method: 'PUT' })
  await until(() => a.peers.states()[0]!.failures > 0, 'a noticed')
  t.ok(a.peers.states()[0]!.lagMs >= 0)
  t.equal(a.peers.states()[0]!.available, false)
  const again = createDiscovery({ port })
  // Before it listens: the override may be the first thing that it hears.
  again.registry.register(instance(), true)
  t.after(() => again.stop())
  await again.start()
  await until(async () => await statusAt(again) === 'OUT_OF_SERVICE', 'it heard')
  await until(() => a.peers.states()[0]!.available, 'and counts as available')
  t.pass()
})

t.test('a refused batch is dropped, not repeated for ever', async t => {
  let status = 400
  const peer = await recorder(t, () => ({ status }))
  const { url, peers } = await start(t, { peerUrls: [peer.url] })
  await register(url)
  await until(() => peers.states()[0]!.failures === 1, 'refused')
  status = 200
  await register(url, { instanceId: 'second' })
  await until(() => peer.items().length === 1, 'the next arrives')
  t.equal(peer.items()[0]!.id, 'second')
})

t.test('credentials in a peer\'s URL are sent and never shown', async t => {
  const peer = await recorder(t)
  const secret = peer.url.replace('http://', 'http://eureka:p%40ss@')
  const { url, peers } = await start(t, { peerUrls: [secret] })
  await register(url)
  await until(() => peer.batches.length === 1, 'told')
  t.equal(peer.batches[0]!.headers.authorization, `Basic ${Buffer.from('eureka:p@ss').toString('base64')}`)
  t.equal(peers.states()[0]!.url, peer.url)
  t.notMatch((await call(url, '/eureka/status')).text, 'ss@')
})

t.test('a batch that is received', async t => {
  const { url } = await start(t)
  const post = (body: string, headers: Record<string, string> = JSON_TYPE) =>
    call(url, '/eureka/peerreplication/batch/', { method: 'POST', headers, body })
  const item = { appName: 'orders', id: ID, lastDirtyTimestamp: 1_700_000_000_000, status: 'UP' }
  const list = (...items: object[]) => post(JSON.stringify({ replicationList: items }))
  const codes = async (...items: object[]) => {
    const reply = await list(...items)
    t.equal(reply.status, 200)
    return (JSON.parse(reply.text) as { responseList: Raw[] }).responseList.map(result => result.statusCode)
  }
  const info = rawInstance()
  t.same(await codes(
    { ...item, action: 'Heartbeat' }, { ...item, action: 'Register', instanceInfo: info }, { ...item, action: 'Heartbeat' },
    { ...item, action: 'StatusUpdate', status: 'OUT_OF_SERVICE' }, { ...item, action: 'DeleteStatusOverride' },
    { ...item, action: 'Register' }, { ...item, action: 'Register', instanceInfo: { ...info, hostName: '' } },
    { appName: 'ORDERS', id: 'nobody', action: 'Cancel' }, { appName: 'ORDERS', id: ID, action: 'DeleteStatusOverride' },
    { appName: 'ORDERS', id: ID, action: 'StatusUpdate' }
  ), [404, 200, 200, 200, 200, 500, 200, 404, 500, 500])
  t.same(await codes(), [])
  const conflict = JSON.parse((await list({ ...item, action: 'Heartbeat', lastDirtyTimestamp: 5 })).text) as { responseList: Raw[] }
  t.match(conflict.responseList[0], { statusCode: 409, responseEntity: { instanceId: ID, app: 'ORDERS', actionType: 'MODIFIED' } })
  for (const body of ['', '{}', '{"replicationList":{}}']) t.equal((await post(body)).status, 400, body)
  t.same(await codes({ ...item, action: 'Dance' }, { ...item, action: 'Heartbeat' }, { ...item, action: null },
    null as unknown as object, [], { action: 'Cancel', id: ID }), [400, 200, 400, 400, 400, 400], 'what makes no sense spoils nothing else')
  t.equal((await post('x', { 'content-type': 'text/plain' })).status, 415)
  const many = Array.from({ length: 250 }, (_, i) => ({
    ...item, id: `m${i}`, action: 'Register', instanceInfo: rawInstance({ instanceId: `m${i}`, metadata: { k: 'x'.repeat(8000) } })
  }))
  t.equal((await codes(...many)).length, 250, 'two megabytes of instances are one batch')
})

t.test('batches are read as they are written', async t => {
  const replication: Replication = { action: 'Register', app: 'ORDERS', id: ID, instance: instance() }
  const items = decodeBatch(parseTree(Buffer.from(encodeBatch([replication], false)), 'json')!)!
  t.match(items, [{ action: 'Register', app: 'ORDERS', id: ID, status: 'UP', instance: { id: ID } }])
  t.match(decodeResults(encodeResults([{ status: 200 }, { status: 409, instance: instance() }]), 2),
    [{ status: 200 }, { status: 409, instance: { id: ID } }])
  t.equal(decodeResults('{"responseList":[]}', 1), undefined)
  t.equal(decodeResults('oops', 0), undefined)
})

t.test('a registry knows itself among its peers', async t => {
  const own = { port: 8761, hosts: new Set(['localhost', '127.0.0.1', 'peer1', '::1']) }
  t.same(otherPeers(['http://PEER1:8761/eureka/', 'http://peer2:8761/eureka/', 'http://localhost:8762/eureka', 'http://[::1]:8761/'], own),
    ['http://peer2:8761/eureka/', 'http://localhost:8762/eureka'])
  t.same(otherPeers(['http://u:p@peer2:8761/eureka/', 'http://peer2:8761/eureka'], own), ['http://peer2:8761/eureka'], 'each once')
  t.same(otherPeers(['http://lb:80/eureka/'], { ...own, myUrl: 'http://lb/eureka' }), [])
  t.throws(() => otherPeers(['peer2:8761'], own), { code: 'E_PEER_URL' })
  t.throws(() => otherPeers(['ftp://user:secret@peer'], own), { message: /^(?!.*secret)/ })
})

t.test('a list of peers that changes keeps the queues of those that stay; an empty one is a failed look-up', async t => {
  const [one, two] = [await recorder(t), await recorder(t)]
  const { peers } = await start(t, { peerUrls: [one.url] })
  await peers.use([one.url, two.url])
  t.same(peers.states().map(({ url }) => url), [one.url, two.url])
  await peers.use([])
  t.equal(peers.size, 2)
  await peers.use([two.url])
  t.same(peers.replicas().registered, [two.url])
})

t.test('the queue', async t => {
  const replication = (action: Replication['action'], id = ID): Replication => ({ action, app: 'ORDERS', id, instance: instance() })
  const told = (queue: ReplicationQueue, now = 0) => queue.take(100, now).map(({ replication: { action, id } }) => `${action} ${id}`)

  t.test('drops what is no news any more and keeps the order', async t => {
    const queue = new ReplicationQueue(QUEUE)
    for (const action of ['Register', 'Heartbeat', 'Heartbeat', 'StatusUpdate', 'DeleteStatusOverride', 'StatusUpdate', 'Heartbeat'] as const) {
      queue.push(replication(action, 'a'), 0)
    }
    queue.push(replication('Register', 'b'), 0)
    queue.push(replication('Cancel', 'b'), 0)
    queue.push(replication('Register', 'b'), 0)
    t.same(told(queue), ['Register a', 'StatusUpdate a', 'DeleteStatusOverride a', 'StatusUpdate a', 'Heartbeat a', 'Cancel b', 'Register b'])
    t.equal(queue.size, 0)
  })
  t.test('forgets what is not worth telling any more', async t => {
    const queue = new ReplicationQueue(QUEUE)
    for (const action of ['Heartbeat', 'Cancel', 'StatusUpdate'] as const) queue.push(replication(action, action), 0)
    t.same(told(queue, 30_001), ['StatusUpdate StatusUpdate'])
    t.equal(queue.dropped, 2)
  })
  t.test('is bounded', async t => {
    const queue = new ReplicationQueue({ ...QUEUE, max: 3 })
    for (let i = 0; i < 10; i++) queue.push(replication('Register', `i${i}`), i)
    t.match(queue, { size: 3, dropped: 7, oldestAt: 7 })
    t.same(told(queue), ['Register i7', 'Register i8', 'Register i9'])
  })
  t.test('puts back in front what did not arrive, without what was replaced meanwhile', async t => {
    const queue = new ReplicationQueue(QUEUE)
    queue.push(replication('Register', 'a'), 0)
    queue.push(replication('StatusUpdate', 'b'), 0)
    const taken = queue.take(100, 0)
    queue.push(replication('Cancel', 'a'), 1)
    queue.push(replication('Heartbeat', 'b'), 1)
    queue.putBack(taken)
    t.same(told(queue), ['StatusUpdate b', 'Cancel a', 'Heartbeat b'])
  })
})

type Step =
  | { readonly kind: 'register', id: string, status: Status }
  | { readonly kind: 'override' | 'clear', id: string, status: Status }
  | { readonly kind: 'renew' | 'cancel', id: string }
  | { readonly kind: 'lost' | 'sent', count: number }

/** Setting what the client has just said itself: nobody keeps it, so nobody may be told to keep it. */
const NO_OVERRIDE: Step[] = [
  { kind: 'register', id: 'a', status: 'UP' }, { kind: 'sent', count: 1 },
  { kind: 'register', id: 'a', status: 'STARTING' }, { kind: 'override', id: 'a', status: 'STARTING' },
  { kind: 'register', id: 'a', status: 'UP' }
]

t.test('whatever happens and however often a batch is lost, both registries end with the same', async t => {
  const seed = Date.now() & 0x7fffffff
  t.comment(`seed ${seed}`)
  const id = fc.constantFrom('a', 'b', 'c')
  const status = fc.constantFrom(...STATUSES)
  const count = fc.integer({ min: 1, max: 5 })
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant('register' as const), id, status }),
    fc.record({ kind: fc.constantFrom('override' as const, 'clear' as const), id, status }),
    fc.record({ kind: fc.constantFrom('renew' as const, 'cancel' as const), id }),
    fc.record({ kind: fc.constantFrom('lost' as const, 'sent' as const), count })
  )
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), steps => {
    const clock = new Clock()
    const [here, there] = [bareRegistry(clock), bareRegistry(clock)]
    const queue = new ReplicationQueue(QUEUE)
    here.replicateTo(replication => queue.push(replication, clock.ms))
    let dirty = 1
    for (const next of steps) {
      clock.advance(1)
      switch (next.kind) {
        case 'register': here.register(instance({ instanceId: next.id, status: next.status, lastDirtyTimestamp: dirty++ }), false); break
        case 'override': here.override('ORDERS', next.id, next.status, { replicated: false }); break
        case 'clear': here.clearOverride('ORDERS', next.id, next.status, { replicated: false }); break
        case 'renew': here.renew('ORDERS', next.id, { replicated: false }); break
        case 'cancel': here.cancel('ORDERS', next.id, { replicated: false }); break
        case 'lost': queue.putBack(queue.take(next.count, clock.ms)); break
        case 'sent': deliver(queue, next.count, there, clock)
      }
    }
    while (queue.size > 0) deliver(queue, 100, there, clock)
    if (stateOf(here) !== stateOf(there)) throw new Error(`${stateOf(here)} here, ${stateOf(there)} there`)
  }), { seed, numRuns: 2000, examples: [[NO_OVERRIDE]] })
  t.pass()
})

function stateOf ({ book }: Registry): string {
  return [...book.leases()].map(({ instance: { id, status, overriddenStatus }, override }) =>
    JSON.stringify([id, status, overriddenStatus, override])).sort((a, b) => a < b ? -1 : 1).join()
}

function deliver (queue: ReplicationQueue, count: number, to: Registry, clock: Clock): void {
  const batch = encodeBatch(queue.take(count, clock.ms).map(item => item.replication), true)
  for (const item of decodeBatch(parseTree(Buffer.from(batch), 'json')!)!) if (item !== undefined) applyItem(to, item)
}
