/** Old and new instances of one service, on one bus and one store, with a clock that the test moves. */
import { t, type Test } from 'tap'
import {
  BookBroker, brokerBus, BUS_TABLES, BusBook, DEFAULTS, Messaging, openSqlite, SAGA_TABLES, Sagas, Schemas, uuidv7,
  type Bus, type MessageRoute, type SagaDefinition, type SqlTx
} from '../index.ts'
import { createRandom } from '../testing/index.ts'
import { anyData, ManualClock, NoteBus, replyTo, rig } from './rig.ts'

const QUEUE = 'breakwater-shop-in.fifo'
const MINUTE = 60_000
/** What wakes nobody is looked for seldom: an hour is skipped here more than once. */
const OPTIONS = { ...DEFAULTS, sweepMs: 30_000 }

async function world (t: Test) {
  const random = createRandom(7).next
  const clock = new ManualClock()
  const dir = t.testdir()
  const book = new BusBook(openSqlite({ file: `${dir}/bus.db`, tables: BUS_TABLES, synchronous: 'normal', clock }), { clock })
  const broker = new BookBroker(book, clock)
  const store = openSqlite({ file: `${dir}/shop.db`, tables: '', synchronous: 'normal', clock })
  const connect = (): Bus => brokerBus('in process', broker, { clock, random })
  const seen: string[] = []
  const told: object[] = []
  const running = new Set<Messaging<SqlTx>>()
  const start = async (name: string, types: string[], known = types, fails = () => false) => {
    const route: MessageRoute<SqlTx> = { kind: 'command', handle: async message => {
      if (fails()) throw new Error('not at the first try')
      seen.push(`${message.subject}${String(message.data.n)} ${name}`)
    } }
    const log = { info: () => {}, error: () => {}, warn: (fields: object) => { told.push(fields) } }
    const messaging = new Messaging<SqlTx>({ service: 'shop', store, bus: connect(), clock, random, options: OPTIONS, log,
      schemas: new Schemas(anyData(...known)), routes: Object.fromEntries(types.map(type => [type, route])) })
    await messaging.start()
    running.add(messaging)
    return messaging
  }
  const stop = async (messaging: Messaging<SqlTx>): Promise<void> => {
    running.delete(messaging)
    await messaging.stop()
  }
  const sender = connect()
  const send = async (type: string, group: string, n: number, changes: object = {}): Promise<void> => {
    const id = uuidv7(clock.now())
    await sender.send(QUEUE, [{ id, dedupe: id, group, type, body: JSON.stringify({ specversion: '1.0', id,
      source: '/test', type, subject: group, time: new Date(clock.now()).toISOString(), aggregatetype: 'thing',
      datacontenttype: 'application/json', aggregateversion: n, data: { n }, ...changes }) }])
  }
  t.teardown(async () => {
    for (const messaging of running) await messaging.stop()
    await sender.close()
    await broker.close()
    await store.close()
  })
  return { clock, start, stop, send, seen, told, dead: () => sender.dlq(QUEUE).list(100), dlq: sender.dlq(QUEUE) }
}

const OLD = ['shop.Do.v1']
const NEW = ['shop.Do.v1', 'shop.DoMore.v1']

t.test('what only the new instances know is left to them, in the order of its group, and told once', async t => {
  const { clock, start, send, seen, told, dead } = await world(t)
  const old = await start('old', OLD)
  await send('shop.Do.v1', 'a', 1)
  await send('shop.DoMore.v1', 'a', 2)
  await send('shop.Do.v1', 'a', 3)
  await send('shop.DoMore.v1', 'a', 4)
  await send('shop.Do.v1', 'b', 1)
  await clock.advance(30_000)
  t.same(seen, ['a1 old', 'b1 old'], 'another group goes on')
  await start('new', NEW)
  await clock.advance(10 * MINUTE)
  t.same(seen.map(one => one.slice(0, 2)), ['a1', 'b1', 'a2', 'a3', 'a4'])
  t.same(seen.filter(one => one.startsWith('a2') || one.startsWith('a4')), ['a2 new', 'a4 new'])
  t.same(await dead(), [])
  t.same(told, [{ type: 'shop.DoMore.v1', why: 'no schema is known for it' }])
  t.ok(old.held.counts.get('shop.DoMore.v1')! >= 4, 'it was offered again and again')
  t.ok(old.held.counts.get('shop.DoMore.v1')! <= 20, 'with growing waits')
})

t.test('a roll-back: what the new instances left waits until they are back', async t => {
  const { clock, start, stop, send, seen, dead } = await world(t)
  const fresh = await start('new', NEW)
  await send('shop.DoMore.v1', 'a', 1)
  await clock.advance(1000)
  await stop(fresh)
  await start('old', OLD)
  await send('shop.DoMore.v1', 'a', 2)
  await send('shop.Do.v1', 'a', 3)
  await clock.advance(45 * MINUTE)
  t.same(seen, ['a1 new'])
  t.same(await dead(), [])
  await start('new', NEW)
  await clock.advance(10 * MINUTE)
  t.same(seen.map(one => one.slice(0, 2)), ['a1', 'a2', 'a3'])
})

t.test('what nobody has understood for an hour is a dead letter, and its group goes on', async t => {
  const { clock, start, send, seen, dead, dlq } = await world(t)
  await start('old', OLD)
  await send('shop.DoMore.v1', 'a', 1)
  await send('shop.Do.v1', 'a', 2)
  await clock.advance(61 * MINUTE)
  t.same(seen, ['a2 old'])
  t.match(await dead(), [{ type: 'shop.DoMore.v1', error: /E_MESSAGE_UNKNOWN no instance has understood shop\.DoMore\.v1 .* for 3600 s/ }])
  await start('new', NEW)
  t.equal(await dlq.redrive('all'), 1)
  await clock.advance(2 * MINUTE)
  t.same(seen, ['a2 old', 'a1 new'])
})

t.test('a type with a schema and without a route is left to others, and that counts no try', async t => {
  const { clock, start, send, seen, dead } = await world(t)
  await start('old', OLD, NEW)
  await send('shop.DoMore.v1', 'a', 1)
  await clock.advance(10 * MINUTE)
  t.same(await dead(), [])
  let first = true
  await start('new', NEW, NEW, () => {
    const fails = first
    first = false
    return fails
  })
  await clock.advance(10 * MINUTE)
  t.same(seen, ['a1 new'])
})

t.test('an operator need not wait for what nobody will ever understand', async t => {
  const { clock, start, send, seen, dead } = await world(t)
  const { held } = await start('old', OLD)
  await send('shop.DoMore.v1', 'a', 1)
  await send('shop.Do.v1', 'a', 2)
  await clock.advance(5000)
  t.match(held.list(10), [{ type: 'shop.DoMore.v1', why: 'no schema is known for it', times: 3 }])
  t.equal(held.giveUp('unknown'), false)
  t.equal(held.giveUp(held.list(10)[0]!.id), true)
  await clock.advance(10_000)
  t.equal((await dead()).length, 1)
  t.same(seen, ['a2 old'])
  t.same(held.list(10), [])
})

t.test('an envelope of another version waits, too; a known type with wrong data is a dead letter at once', async t => {
  const { clock, start, send, dead } = await world(t)
  await start('old', OLD)
  await send('shop.Do.v1', 'a', 1, { specversion: '2.0' })
  await send('shop.Do.v1', 'b', 1, { data: 'text' })
  await clock.advance(1000)
  t.match(await dead(), [{ group: 'b', error: /E_MESSAGE_INVALID/ }])
  await clock.advance(61 * MINUTE)
  t.same((await dead()).map(({ group }) => group).sort(), ['a', 'b'])
})

const booking = (states: SagaDefinition<object>['states'], type = 'Booking'): Sagas<object> => new Sagas({ type, states,
  decide: ({ state }, input) => input.kind === 'start'
    ? { to: 'HOLDING', note: 'asked', send: {} }
    : input.kind === 'timeout'
      ? { to: state, note: 'again', resend: true }
      : state === 'HOLDING' && 'PAYING' in states ? { to: 'PAYING', note: 'held', send: {} } : { to: 'DONE', note: 'done' } })

t.test('a saga that a newer version brought further is left to it: replies, deadlines, cancellations', async t => {
  const HOLDING = { sends: 'seats.Hold.v1', replies: ['seats.Held.v1'], deadlineMs: 10_000 }
  const PAYING = { sends: 'bank.Pay.v1', replies: ['bank.Paid.v1', 'seats.Held.v1'], deadlineMs: 10_000 }
  const schemas = anyData('seats.Hold.v1', 'seats.Held.v1', 'bank.Pay.v1', 'bank.Paid.v1')
  const newer = booking({ HOLDING, PAYING, DONE: { ends: true } })
  const dir = t.testdir()
  const store = openSqlite({ file: `${dir}/shop.db`, tables: SAGA_TABLES, synchronous: 'normal' })
  t.teardown(() => store.close())
  const fresh = await rig(t, { store, schemas, sagas: [newer, booking({ HOLDING, DONE: { ends: true } }, 'Newcomer')] })
  await fresh.messaging.start()
  const id = await fresh.messaging.tx((tx, emit) => newer.begin(tx, emit, 'b1', {}))
  await fresh.clock.advance(1000)
  await fresh.bus.deliver(replyTo(fresh.bus.of('seats.Hold.v1')[0]!, 'seats.Held.v1'))
  await fresh.clock.advance(1000)
  const paid = replyTo(fresh.bus.of('bank.Pay.v1')[0]!, 'seats.Held.v1')

  const older = booking({ HOLDING, DONE: { ends: true } })
  const old = await rig(t, { store, schemas, bus: new NoteBus(), sagas: [older], clock: fresh.clock })
  await old.messaging.start()
  t.match(old.lines, [{ level: 'error', type: 'Booking', state: 'PAYING', count: 1 }], 'told at its start')
  t.match(await old.messaging.sagas!.counts(), { open: 1, unknown: 1 })
  t.match(await old.messaging.sagas!.find(id), { known: false })
  await t.rejects((old.messaging.bus as NoteBus).deliver(paid), { name: 'Held', message: /a saga in the state PAYING waits for it/ })
  await t.rejects(old.messaging.tx((tx, emit) => older.cancel(tx, emit, 'b1', 'x')), { code: 'E_SAGA_NEWER', statusCode: 503 })
  t.equal(await old.messaging.sagas!.find(id).then(saga => saga.log.length), 2, 'nothing was noted or done')
})
