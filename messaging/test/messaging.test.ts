import { join } from 'node:path'
import { t } from 'tap'
import {
  BUS_TABLES, BusBook, busServer, DEFAULTS, embeddedBus, Messaging, openSqlite, Poison,
  Schemas, uuidv7, type Envelope, type MessageRoute,
  type MessageSchema, type SqlTx
} from '../index.ts'
import { until } from './until.ts'

const MESSAGES: MessageSchema[] = ['shop.Asked.v1', 'shop.Answered.v1', 'stock.Do.v1'].map($id =>
  ({ $id, type: 'object', required: ['n'], properties: { n: { type: 'integer', minimum: 1 } } }))
const TABLES = 'CREATE TABLE IF NOT EXISTS things (key TEXT PRIMARY KEY, value {{int}} NOT NULL) {{strict}};'
const log = { info: () => {}, warn: () => {}, error: () => {} }

/** A bus in process, and services on it. */
async function rig (t: { testdir (): string, teardown (fn: () => unknown): void }) {
  const dir = t.testdir()
  const busStore = openSqlite({ file: join(dir, 'bus.db'), tables: BUS_TABLES })
  const app = busServer(new BusBook(busStore))
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const opened: Array<() => Promise<void>> = []
  t.teardown(async () => {
    for (const close of opened) await close()
    await app.close()
    await busStore.close()
  })
  const open = async (
    service: string, routes: Record<string, MessageRoute<SqlTx>> = {}, from: string[] = [], options = DEFAULTS,
    busUrl = url
  ) => {
    const store = openSqlite({ file: join(dir, `${service}.db`), tables: TABLES })
    const messaging = new Messaging<SqlTx>({ service, store, schemas: new Schemas(MESSAGES), routes, options, log,
      bus: embeddedBus({ url: busUrl, retryDelaysMs: [0, 0, 0, 0], probeMs: 20 }),
      subscribe: from.map(other => ({ service: other, types: Object.keys(routes) })) })
    await messaging.start()
    let closed = false
    const close = async () => {
      if (closed) return
      closed = true
      await messaging.stop()
      await store.close()
    }
    opened.push(close)
    return { messaging, store, close }
  }
  return { open, url, dir }
}

function draft (type: string, subject: string, n: number, version = 1) {
  return { type, subject, aggregateType: 'thing', aggregateVersion: version, data: { n } }
}

t.test('an event reaches its subscriber once, in order per subject, with the trace and the cause', async t => {
  const { open } = await rig(t)
  const seen: Envelope[] = []
  await open('reader', { 'shop.Asked.v1': { kind: 'event', handle: async message => { seen.push(message) } } }, ['shop'])
  const { messaging } = await open('shop')
  const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  await messaging.tx(async (_tx, emit) => {
    for (const n of [1, 2, 3]) await emit.event(draft('shop.Asked.v1', 'a', n, n))
  }, { trace })
  await until(() => seen.length === 3, 'three events came')
  t.same(seen.map(message => message.data.n), [1, 2, 3])
  t.match(seen[0], { specversion: '1.0', source: '/shop', traceparent: trace, aggregateversion: 1 })
})

t.test('a command that must run alone says so to its store', async t => {
  const { open } = await rig(t)
  const { messaging, store } = await open('shop')
  const inner = { ...store }
  const asked: unknown[] = []
  const tx: typeof store.tx = (fn, how) => {
    asked.push(how?.alone)
    return inner.tx(fn, how)
  }
  Object.assign(store, { tx })
  await messaging.tx(async () => {}, { alone: true })
  await messaging.tx(async () => {}, { trace: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` })
  t.ok(asked.includes(true))
  t.ok(asked.includes(undefined))
})

t.test('data against its schema rolls the transaction back and names the place', async t => {
  const { open } = await rig(t)
  const { messaging, store } = await open('shop')
  await t.rejects(messaging.tx(async (tx, emit) => {
    await tx.run('INSERT INTO things (key, value) VALUES (?, ?)', 'a', 1)
    await emit.event(draft('shop.Asked.v1', 'a', 0))
  }), { code: 'E_EVENT_SCHEMA', message: /shop\.Asked\.v1 at \/data\/n: must be >= 1/ })
  t.same(await store.read.all('SELECT * FROM things'), [])
  await t.rejects(messaging.tx((_tx, emit) => emit.event(draft('shop.Unknown.v1', 'a', 1))), { code: 'E_EVENT_SCHEMA' })
  await t.rejects(messaging.tx((_tx, emit) => emit.event({ ...draft('shop.Asked.v1', 'a', 1),
    data: { n: 1, more: 'x'.repeat(300_000) } })), { code: 'E_MESSAGE_TOO_LARGE' })
})

t.test('a command that comes twice is done once and answered twice', async t => {
  const { open, url } = await rig(t)
  const answers: Envelope[] = []
  let done = 0
  // Straight from the bus: the asker's inbox would drop the second, which has the id of the first.
  const asking = embeddedBus({ url })
  t.teardown(() => asking.close())
  await asking.provision('asker', [{ topic: 'breakwater-stock-events.fifo', types: ['shop.Answered.v1'] }], 'asker')
  asking.consume('asker', async ({ envelope }) => { answers.push(envelope) })
  await open('stock', { 'stock.Do.v1': { kind: 'command', handle: async (message, _tx, emit) => {
    done++
    await emit.event(draft('shop.Answered.v1', message.subject, 1))
  } } })
  const asker = await open('asker')
  const envelope = await asker.messaging.tx((_tx, emit) => emit.command(draft('stock.Do.v1', 'a', 1)))
  await until(() => answers.length === 1, 'the first answer')
  t.equal(answers[0]!.causationid, envelope.id)
  await asker.messaging.tx((_tx, emit) => emit.resend(envelope, 'a1'))
  await until(() => answers.length === 2, 'the answer came again')
  t.same(answers[1], answers[0])
  t.equal(done, 1)
  await asker.messaging.tx((_tx, emit) => emit.command(draft('stock.Do.v1', 'a', 2)))
  await until(() => answers.length === 3, 'the command behind the doubled one was answered')
  t.equal(done, 2)
})

t.test('another message under a known id is a dead letter, and one that is only carried again is not', async t => {
  const { open } = await rig(t)
  const seen: unknown[] = []
  const stock = await open('stock', { 'stock.Do.v1': { kind: 'command', handle: async message => { seen.push(message.data.n) } } })
  const { messaging } = await open('shop')
  const first = await messaging.tx((_tx, emit) => emit.command(draft('stock.Do.v1', 'a', 1)))
  await until(() => seen.length === 1, 'it was done')
  const others = [{ data: { n: 2 } }, { subject: 'b' }, { aggregateversion: 9 }]
  for (const [n, other] of others.entries()) {
    await messaging.tx((_tx, emit) => emit.resend({ ...first, ...other }, `other-${n}`))
    await until(async () => (await stock.messaging.dlq.list(10)).length === n + 1, 'it was set aside')
  }
  t.match(await stock.messaging.dlq.list(10), others.map(() => ({ error: /E_MESSAGE_ID_USED.*stock\.Do\.v1/ })))
  const same = { ...first, time: new Date().toISOString(), traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` }
  await messaging.tx((_tx, emit) => emit.resend(same, 'same'))
  await messaging.tx((_tx, emit) => emit.command(draft('stock.Do.v1', 'a', 3)))
  await until(() => seen.length === 2, 'the one behind them was done')
  t.same(seen, [1, 3])
  t.equal((await stock.messaging.dlq.list(10)).length, others.length)
})

t.test('what a handler changed is undone when it fails, and done once when it succeeds', async t => {
  const { open } = await rig(t)
  let calls = 0
  const { store } = await open('reader', { 'shop.Asked.v1': { kind: 'event', handle: async (_message, tx) => {
    await tx.run('INSERT INTO things (key, value) VALUES (?, ?)', 'a', ++calls)
    if (calls < 3) throw new Error('not yet')
  } } }, ['shop'])
  const { messaging } = await open('shop')
  await messaging.tx((_tx, emit) => emit.event(draft('shop.Asked.v1', 'a', 1)))
  await until(async () => (await store.read.get('SELECT * FROM things')) !== undefined, 'it was done')
  t.same({ ...await store.read.get<object>('SELECT * FROM things') }, { key: 'a', value: 3 })
})

t.test('poison and what no schema fits are dead letters; an operator sends them again', async t => {
  const { open, url } = await rig(t)
  let broken = true
  const seen: unknown[] = []
  const reader = await open('reader', { 'shop.Asked.v1': { kind: 'event', handle: async message => {
    if (broken) throw new Poison('no')
    seen.push(message.data.n)
  } } }, ['shop'])
  const { messaging } = await open('shop')
  await messaging.tx((_tx, emit) => emit.event(draft('shop.Asked.v1', 'a', 1)))
  const other = embeddedBus({ url })
  t.teardown(() => other.close())
  const id = uuidv7()
  await other.send('breakwater-reader-in.fifo', [{ id, dedupe: id, group: 'b', type: 'shop.Asked.v1',
    body: JSON.stringify({ id, type: 'shop.Asked.v1' }) }])
  await until(async () => (await reader.messaging.dlq.list(10)).length === 2, 'two dead letters')
  const errors = (await reader.messaging.dlq.list(10)).map(letter => letter.error)
  t.ok(errors.some(error => error.includes('E_MESSAGE_INVALID')))
  broken = false
  t.equal(await reader.messaging.dlq.redrive('all'), 2)
  await until(() => seen.length === 1, 'the good one was handled')
})

t.test('a dead bus: commands go on, the outbox grows up to its bound, then all is sent in order', async t => {
  const { open, url } = await rig(t)
  const seen: unknown[] = []
  await open('reader', { 'shop.Asked.v1': { kind: 'event', handle: async message => { seen.push(message.data.n) } } }, ['shop'])
  const options = { ...DEFAULTS, maxOutbox: 5, sweepMs: 20, maxBackOffMs: 40 }
  const dead = await open('shop', {}, [], options, 'http://127.0.0.1:1')
  for (const n of [1, 2, 3, 4, 5, 6]) await dead.messaging.tx((_tx, emit) => emit.event(draft('shop.Asked.v1', 'a', n, n)))
  await until(() => dead.messaging.outboxDepth === 6 && !dead.messaging.busUp, 'the outbox was counted')
  await t.rejects(dead.messaging.tx(async () => {}), { code: 'E_OUTBOX_FULL', statusCode: 503 })
  await dead.close()
  await open('shop', {}, [], options, url)
  await until(() => seen.length === 6, 'all came')
  t.same(seen, [1, 2, 3, 4, 5, 6])
})
