/** Registries agree, and what was answered stays done: whatever arrives late, and whatever was lost. */
import { createServer, connect, type Socket } from 'node:net'
import t from 'tap'
import type { Discovery } from '../index.ts'
import {
  answerComparison, answerExchange, compareRequest, differences, exchangeRequest, takeExchange
} from '../peers/agreement.ts'
import type { PeerReply } from '../peers/calling.ts'
import { Peer } from '../peers/peer.ts'
import { parseTree } from '../eureka/body.ts'
import { Book } from '../registry/book.ts'
import { HybridClock, compareStamps, parseStamp } from '../registry/stamp.ts'
import { readSnapshot, writeSnapshot } from '../snapshot/format.ts'
import { Clock, instance, rules, type Raw } from './support/instances.ts'
import { call, getJson, JSON_TYPE, register, startDiscovery, until } from './support/server.ts'

const ID = 'h1:orders:8080'
const PATH = `/eureka/apps/ORDERS/${ID}`

interface Tap { after: (undo: () => unknown) => unknown }

/** What stands between two registries: it lets through, or refuses and breaks. */
async function link (t: Tap) {
  const state = { port: 0, cut: false }
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    if (state.cut) return socket.destroy()
    const other = connect(state.port, '127.0.0.1')
    for (const [from, to] of [[socket, other], [other, socket]] as const) {
      sockets.add(from)
      from.pipe(to)
      from.on('error', () => to.destroy()).on('close', () => { sockets.delete(from); to.destroy() })
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const sever = (): void => { for (const socket of sockets) socket.destroy() }
  t.after(() => { sever(); server.close() })
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}/eureka/`
  return { url, leadTo: (discovery: Discovery) => { state.port = Number(new URL(discovery.url).port) },
    cut: (isCut: boolean) => { state.cut = isCut; if (isCut) sever() } }
}

async function pair (t: Tap, peerBatchMs: number) {
  const links = [await link(t), await link(t)] as const
  const [a, b] = [await startDiscovery(t, { peerBatchMs }), await startDiscovery(t, { peerBatchMs })]
  links[0].leadTo(a)
  links[1].leadTo(b)
  await a.usePeers([links[1].url])
  await b.usePeers([links[0].url])
  return { a, b, cut: (isCut: boolean) => { for (const one of links) one.cut(isCut) } }
}

/** What matters of each instance, as JSON. */
const viewOf = ({ registry: { book } }: Discovery): string => [...book.leases()]
  .map(({ instance: { id, status, overriddenStatus, port, metadata, lastDirtyAt } }) =>
    JSON.stringify([id, status, overriddenStatus, port.number, [...metadata], lastDirtyAt])).toSorted().join()

const put = ({ url }: Discovery, rest: string) => call(url, `${PATH}${rest}`, { method: 'PUT' })
const remove = ({ url }: Discovery, rest = '') => call(url, `${PATH}${rest}`, { method: 'DELETE' })
const newer = (changes: Raw = {}) => ({ lastDirtyTimestamp: 1_700_000_000_001, ...changes })

t.test('what was done while they could not reach each other is done at both once they can', async t => {
  const { a, b, cut } = await pair(t, 20)
  const moved = newer({ port: { $: 9090, '@enabled': 'true' } })
  const cases: Readonly<Record<string, () => Promise<unknown>>> = {
    'metadata': () => put(a, '/metadata?v=2'),
    'a registration, then an override': async () => { await register(a.url, moved); await put(a, '/status?value=DOWN') },
    'an override, a registration, a clear': async () => {
      await put(a, '/status?value=OUT_OF_SERVICE')
      await register(a.url, newer({ metadata: { v: 'new' } }))
      await remove(a, '/status?value=UP')
    },
    'at both': async () => {
      await put(a, '/metadata?v=a')
      await put(b, '/status?value=OUT_OF_SERVICE')
      await put(b, '/metadata?w=b')
    },
    'a cancel': () => remove(a)
  }
  for (const [name, act] of Object.entries(cases)) {
    await register(a.url, { lastDirtyTimestamp: 1_600_000_000_000 })
    await until(() => viewOf(a) === viewOf(b) && a.registry.book.size === 1, `${name}: the same before`)
    cut(true)
    await act()
    const expected = viewOf(a)
    cut(false)
    await until(() => viewOf(a) === viewOf(b), `${name}: the same afterwards`)
    if (name !== 'at both') t.equal(viewOf(a), expected, `${name}: as a answered`)
    await remove(a)
    await until(() => b.registry.book.size === 0, `${name}: over`)
  }
})

t.test('of two words at two registries within a batch delay the later one holds, at both', async t => {
  const { a, b } = await pair(t, 300)
  const word = (at: Discovery, does: (at: Discovery) => Promise<unknown>) => does(at)
  const shown = (at: Discovery) => at.registry.book.lease('ORDERS', ID)!.instance
  await register(a.url)
  await until(() => b.registry.book.size === 1, 'both have it')
  await word(a, at => put(at, '/status?value=OUT_OF_SERVICE'))
  await word(b, at => remove(at, '/status?value=UP'))
  await until(() => viewOf(a) === viewOf(b), 'the same')
  t.match(shown(a), { status: 'UP', overriddenStatus: 'UNKNOWN' })
  await word(a, at => put(at, '/status?value=OUT_OF_SERVICE'))
  await word(b, at => put(at, '/status?value=DOWN'))
  await until(() => viewOf(a) === viewOf(b), 'the same')
  t.match(shown(a), { status: 'DOWN', overriddenStatus: 'DOWN' })
  await word(a, at => put(at, '/metadata?v=a'))
  await word(b, at => put(at, '/metadata?v=b'))
  await until(() => viewOf(a) === viewOf(b), 'the same')
  t.equal(shown(a).metadata.get('v'), 'b')
})

t.test('no copy from before takes back what was said since', async t => {
  const words: Readonly<Record<string, (book: Book) => unknown>> = {
    register: book => book.register(instance(newer({ metadata: { v: '2' } })), false),
    metadata: book => book.addMetadata('ORDERS', ID, [['v', '2']]),
    override: book => book.override('ORDERS', ID, 'DOWN'),
    clear: book => book.clearOverride('ORDERS', ID),
    cancel: book => book.cancel('ORDERS', ID)
  }
  for (const [name, say] of Object.entries(words)) {
    const clock = new Clock()
    const book = new Book(rules(clock))
    book.register(instance({ metadata: { v: '1' } }), false)
    book.override('ORDERS', ID, 'OUT_OF_SERVICE')
    const before = book.copies.stateOf('ORDERS', ID)!
    clock.advance(1)
    say(book)
    const [n, sums] = [book.log.n, book.digests.sums]
    book.copies.merge(before)
    t.same([book.log.n, book.digests.sums], [n, sums], `${name} stays, said by a peer`)
    book.takeOver(instance({ metadata: { v: '1' }, status: 'OUT_OF_SERVICE', overriddenStatus: 'OUT_OF_SERVICE' }))
    t.same([book.log.n, book.digests.sums], [n, sums], `${name} stays, listed by a server without stamps`)
  }
})

/** Two books that know the same instance. */
function two (clock: Clock) {
  const [mine, theirs] = [new Book(rules(clock, { origin: 'mine' })), new Book(rules(clock, { origin: 'theirs' }))]
  mine.register(instance(), false)
  theirs.copies.merge(mine.copies.stateOf('ORDERS', ID)!)
  clock.advance(1)
  return { mine, theirs }
}

t.test('setting what is shown already holds against a word that another registry was told before', t => {
  const clock = new Clock()
  const { mine, theirs } = two(clock)
  theirs.override('ORDERS', ID, 'OUT_OF_SERVICE')
  clock.advance(1)
  mine.override('ORDERS', ID, 'UP')
  mine.copies.merge(theirs.copies.stateOf('ORDERS', ID)!)
  theirs.copies.merge(mine.copies.stateOf('ORDERS', ID)!)
  t.same([mine, theirs].map(book => book.lease('ORDERS', ID)!.instance.status), ['UP', 'UP'])
  t.end()
})

t.test('an override outlives a lease that ran out here alone', t => {
  const clock = new Clock()
  const { mine } = two(clock)
  mine.override('ORDERS', ID, 'OUT_OF_SERVICE')
  for (let n = 0; n < 100 && mine.size > 0; n++) {
    clock.advance(1000)
    mine.evict()
  }
  t.equal(mine.size, 0, 'it ran out')
  mine.register(instance(newer()), false)
  t.match(mine.lease('ORDERS', ID)!.instance, { status: 'OUT_OF_SERVICE', overriddenStatus: 'OUT_OF_SERVICE' })
  t.end()
})

t.test('after a restart, too, nobody brings back who was taken out', t => {
  const clock = new Clock()
  const { mine, theirs } = two(clock)
  mine.cancel('ORDERS', ID)
  const file = [...writeSnapshot({ epoch: 'e', n: 1, clean: true, at: clock.now() }, mine.copies.states())].join('')
  const again = new Book(rules(clock, { origin: 'mine' }))
  for (const state of readSnapshot(file)!.entries) again.copies.merge(state)
  again.copies.merge(theirs.copies.stateOf('ORDERS', ID)!)
  t.equal(again.size, 0)
  t.end()
})

t.test('two books become equal by one exchange, whatever each of them knows alone', async t => {
  const clock = new Clock()
  const [mine, theirs] = [new Book(rules(clock, { origin: 'mine' })), new Book(rules(clock, { origin: 'theirs' }))]
  for (let i = 0; i < 600; i++) {
    const book = i % 3 === 0 ? mine : theirs
    book.register(instance({ instanceId: `i${i}` }), false)
    if (i % 5 === 0) book.cancel('ORDERS', `i${i}`)
    if (i % 7 === 0) book.override('ORDERS', `i${i}`, 'DOWN', { reason: 'drained', author: 'me' })
  }
  const tree = (text: string) => parseTree(Buffer.from(text), 'json')!
  const compare = () => differences(mine, answerComparison(theirs, tree(compareRequest(mine)))!)!
  const { keys } = compare()
  t.ok(takeExchange(mine, answerExchange(theirs, tree(exchangeRequest(mine, keys)))!))
  t.same(mine.digests.sums, theirs.digests.sums)
  t.same(compare(), { keys: [], instances: mine.size })
  t.match(mine.lease('ORDERS', 'i7')!.facts.override, { reason: 'drained', author: 'me' })
})

t.test('clearing an override on the page brings back what the client said last', async t => {
  const { url } = await startDiscovery(t)
  const act = (action: object) => call(url, '/dashboard/api/actions', {
    method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ app: 'ORDERS', id: ID, ...action })
  })
  for (const own of ['DOWN', 'STARTING', 'UP', 'OUT_OF_SERVICE']) {
    for (const during of [undefined, 'DOWN', 'UP']) {
      await call(url, PATH, { method: 'DELETE' })
      await register(url, { status: own })
      await act({ kind: 'override', status: own === 'UP' ? 'OUT_OF_SERVICE' : 'UP' })
      if (during !== undefined) await register(url, newer({ status: during }))
      t.equal((await act({ kind: 'clear override' })).status, 204)
      const { instance: shown } = await getJson<{ instance: Raw }>(url, PATH)
      t.match(shown, { status: during ?? own, overriddenStatus: 'UNKNOWN' }, `${own}, then ${during ?? 'nothing'}`)
    }
  }
})

t.test('stamps', async t => {
  const clock = new Clock()
  const [slow, fast] = [new HybridClock(clock.now, 'slow'), new HybridClock(() => clock.ms + 5000, 'fast')]
  slow.observe(fast.next())
  clock.advance(100)
  t.ok(compareStamps(slow.next(), fast.read()) >= 0, 'it goes on at the pace of the fastest')
  t.same(parseStamp('1-'), { at: 1, by: '' })
  for (const none of [undefined, 7, '', '1', '-a', '1-a-b', '99999999999999999-a', '9999999999999999-a', '1-ü']) {
    t.equal(parseStamp(none), undefined, String(none))
  }
})

t.test('a peer is told nothing before it is known what it is, or it would put old words above newer ones', async t => {
  const clock = new Clock()
  const calls: string[] = []
  const timers: Array<() => void> = []
  const answers: Array<() => Promise<PeerReply>> = []
  const book = new Book(rules(clock))
  const peer = new Peer({
    book, now: clock.now, after: (_ms, run) => { timers.push(run); return () => {} }, compareMs: 1000, batchMs: 500,
    batchSize: 250, queue: { max: 10, cancelMs: 30_000, statusMs: 600_000 }, log: undefined, onLearned () {},
    http: { url: 'http://peer', call: (_method, path) => { calls.push(path); return Promise.resolve({ status: 200, body: '' }) }, close () {} },
    compareHttp: { url: 'http://peer', call: () => answers.shift()!(), close () {} }
  })
  const run = async (): Promise<void> => { timers.shift()!(); await new Promise(resolve => setImmediate(resolve)) }
  const one = book.register(instance(), false)
  answers.push(() => Promise.reject(new Error('lost')), () => Promise.resolve({ status: 404, body: '' }))
  peer.tell({ action: 'Register', app: 'ORDERS', id: ID, instance: one })
  await run()
  t.same(calls, [])
  t.match(peer.state, { queued: 1, comparison: 'unreached' })
  await run()
  t.same(calls, ['peerreplication/batch/'], 'and then all of it')
  await peer.stop()
})
