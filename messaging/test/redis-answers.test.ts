/** A line that breaks behind a commit, and servers that change behind a line: each command once, or a clear word. */
import { connect } from 'node:net'
import { t, type Test } from 'tap'
import { systemClock, type KeyValueReader, type KeyValueTx, type Store } from '../index.ts'
import { openRedis, type RedisOptions } from '../stores.ts'
import { until } from './until.ts'
import { noRedis, startRedis, type TestServer } from './servers.ts'
import { TcpProxy } from './tcp-proxy.ts'

type KeyValue = Store<KeyValueTx, KeyValueReader>

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always']
/** In the commit's script and in no other. */
const COMMIT = 'local function settle'
/** A second of it is over after 100 ms, so that nobody waits for the seconds that an answer is waited for. */
const FAST = { ...systemClock, elapsed: () => performance.now() * 10 }

interface Rig { readonly proxy: TcpProxy, readonly store: KeyValue, readonly server: TestServer }

async function rig (t: Test, options: Partial<RedisOptions> = {}): Promise<Rig> {
  const server = await startRedis(DURABLE)
  const proxy = await TcpProxy.before(server.url)
  const store = await openRedis({ url: proxy.url, name: 'test', ...options })
  // The connection of the reads, too, is there before anything breaks.
  await apples(store)
  t.teardown(async () => {
    await store.close()
    await proxy.stop()
    await server.stop()
  })
  return { proxy, store, server }
}

let runs = 0
let messages = 0

/** No key, no inbox: nothing but the commit itself knows that it was done. */
async function addTen (store: KeyValue): Promise<void> {
  await store.tx(async tx => {
    runs++
    tx.put('apple', (await tx.get<number>('apple') ?? 0) + 10)
    const id = `m${++messages}`
    await tx.outbox.append([{ id, dedupe: id, kind: 'event', dest: 'd', group: 'g', type: 't', body: '{}' }])
  })
}

const apples = (store: KeyValue) => store.read.get<number>('apple')

t.test('a commit that was done, and whose answer is lost', { skip: noRedis }, async t => {
  await t.test('is done once, and acknowledged', async t => {
    const { proxy, store } = await rig(t)
    for (let n = 1; n <= 5; n++) {
      runs = 0
      proxy.loseAnswers(COMMIT, n)
      await addTen(store)
      t.same([await apples(store), await store.outbox.count(), proxy.losses, runs], [10 * n, n, 0, 1])
    }
  })

  await t.test('stands, although somebody has changed the same entry since', async t => {
    const { proxy, store, server } = await rig(t)
    const other = await openRedis({ url: server.url, name: 'test' })
    t.teardown(() => other.close())
    await addTen(store)
    runs = 0
    proxy.loseAnswers(COMMIT)
    proxy.onConnection = async () => {
      proxy.onConnection = async () => {}
      await other.tx(async tx => { tx.put('apple', 500) })
    }
    await addTen(store)
    t.same([await apples(store), await store.outbox.count(), runs], [500, 2, 1])
  })

  await t.test('is told as unknown when nobody can say, and is there', async t => {
    const { proxy, store } = await rig(t, { clock: FAST })
    proxy.loseAnswers(COMMIT)
    proxy.onConnection = async () => { proxy.refusing = true }
    await t.rejects(addTen(store),
      { code: 'E_STORE_UNKNOWN', statusCode: 503, canRetry: true, message: /was written, or it was not/ })
    proxy.onConnection = async () => {}
    proxy.refusing = false
    await until(() => addTen(store).then(() => true, () => false), 'the store is back')
    t.same([await apples(store), await store.outbox.count()], [20, 2])
  })
})

t.test('a commit that never arrived', { skip: noRedis }, async t => {
  await t.test('is sent again', async t => {
    const { proxy, store } = await rig(t)
    runs = 0
    proxy.loseRequests(COMMIT, 3)
    await addTen(store)
    t.same([await apples(store), await store.outbox.count(), runs, proxy.lost.length], [10, 1, 1, 3])
  })

  await t.test('and arrives when it has been done long ago is no second one, even where all is as it was', async t => {
    const { proxy, store, server } = await rig(t)
    await store.tx(async tx => { tx.put('apple', 0) })
    proxy.loseRequests(COMMIT)
    await addTen(store)
    t.equal(await apples(store), 10)
    await store.tx(async tx => { tx.put('apple', 0) })
    await deliver(server.url, proxy.lost[0]!)
    t.same([await apples(store), await store.outbox.count()], [0, 1])
  })

  await t.test('and arrives when its command was run anew, to another end, is not done', async t => {
    const { proxy, store, server } = await rig(t)
    const other = await openRedis({ url: server.url, name: 'test' })
    t.teardown(() => other.close())
    await other.tx(async tx => { tx.put('apple', 0) })
    proxy.loseRequests(COMMIT)
    proxy.onConnection = async () => {
      proxy.onConnection = async () => {}
      await other.tx(async tx => { tx.put('apple', 7) })
    }
    await store.tx(async tx => { if (await tx.get('apple') === 0) tx.put('apple', 10) })
    t.equal(await apples(store), 7)
    await other.tx(async tx => { tx.put('apple', 0) })
    await deliver(server.url, proxy.lost[0]!)
    t.equal(await apples(store), 0)
  })
})

t.test('a line that breaks anywhere else', { skip: noRedis }, async t => {
  const { proxy, store, server } = await rig(t, { leadMs: 60_000 })
  const other = await openRedis({ url: server.url, name: 'test', leadMs: 60_000 })
  t.teardown(() => other.close())

  await t.test('a lead whose answer is lost is ours, and nobody else\'s', async t => {
    proxy.loseAnswers("redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])")
    t.equal(await store.outbox.lead(), true)
    t.equal(proxy.losses, 0)
    t.equal(await other.outbox.lead(), false)
  })

  await t.test('reads are asked for again', async t => {
    await addTen(store)
    for (const [text, read] of [['hget', () => apples(store)], ['local found', () => store.outbox.unsent(10)],
      ['zlexcount', () => store.outbox.count()], ['zrevrangebylex', () => store.inbox(10)]] as const) {
      const before = await read()
      proxy.loseAnswers(text)
      t.same(await read(), before)
      t.equal(proxy.losses, 0, text)
    }
  })

  await t.test('in the middle of a command: not now, and nothing of it is there', async t => {
    const before = await apples(store)
    await t.rejects(store.tx(async tx => {
      tx.put('apple', 1000)
      proxy.refusing = true
      proxy.cut()
      await tx.get('pear')
    }), { code: 'E_STORE_DOWN', canRetry: true })
    proxy.refusing = false
    await until(() => apples(store).then(n => n === before, () => false), 'the store is back')
  })

  await t.test('marks are kept once', async t => {
    const [row] = await store.outbox.unsent(1)
    proxy.loseAnswers(COMMIT)
    await store.outbox.markSent([row!.seq], 1)
    t.same([await store.outbox.count(), proxy.losses], [0, 0])
  })

  await t.test('a store that ends gives its lead back at once', async t => {
    await store.close()
    t.equal(await other.outbox.lead(), true)
    await t.rejects(addTen(store), { code: 'E_STORE_DOWN' })
    await t.rejects(apples(store), { code: 'E_STORE_DOWN' })
  })
})

t.test('a disk that is full', { skip: noRedis }, async t => {
  const disk: { blocks?: number } = { blocks: 400 }
  const server = await startRedis(DURABLE, disk)
  const store = await openRedis({ url: server.url, name: 'test', clock: FAST })
  t.teardown(async () => {
    await store.close()
    await server.stop()
  })
  const put = (n: number) => store.tx(async tx => {
    tx.put(`k${n}`, 'x'.repeat(10_000))
    const id = `k${n}`
    await tx.outbox.append([{ id, dedupe: id, kind: 'event', dest: 'd', group: 'g', type: 't', body: '{}' }])
  })
  let acknowledged = 0
  await t.rejects((async () => { for (;; acknowledged++) await put(acknowledged) })(),
    { code: 'E_STORE_UNKNOWN', canRetry: true }, 'Redis ends itself where it cannot flush')
  t.ok(acknowledged > 5)
  delete disk.blocks
  await server.start()
  await until(() => put(1000).then(() => true, () => false), 'the store is back')
  const kept = new Set((await store.read.range('k', 1000)).map(({ key }) => key))
  for (let n = 0; n < acknowledged; n++) t.ok(kept.has(`k${n}`))
  t.same(new Set((await store.outbox.unsent(1000)).map(row => row.id)), kept, 'each with its message, or neither')
})

/** What had stuck in a line arrives. */
async function deliver (url: string, chunk: Buffer): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(chunk)
  await new Promise(resolve => { socket.once('data', resolve) })
  socket.destroy()
}
