import { t } from 'tap'
import { SAGA_TABLES, Sagas, type Envelope, type SagaDefinition, type SagaInput, type SagaView } from '../index.ts'
import { anyData, replyTo, rig, type RigParts } from './rig.ts'

interface Booking { readonly seats: number }

const SCHEMAS = anyData('seats.Hold.v1', 'seats.Held.v1', 'seats.Release.v1', 'seats.Released.v1', 'shop.Booked.v1')
const DEADLINE_MS = 10_000

/** HOLDING -> DONE; asked again twice, then RELEASING -> FAILED. */
function booking (changes: Partial<SagaDefinition<Booking>> = {}): SagaDefinition<Booking> {
  return {
    type: 'Booking',
    states: {
      HOLDING: { sends: 'seats.Hold.v1', replies: ['seats.Held.v1'], deadlineMs: DEADLINE_MS },
      RELEASING: { sends: 'seats.Release.v1', replies: ['seats.Released.v1'], deadlineMs: DEADLINE_MS },
      DONE: { ends: true },
      FAILED: { ends: true }
    },
    cancelReasons: ['CHANGED_MIND'],
    decide,
    ...changes
  }
}

function decide ({ state, attempt, data, cancelReason }: SagaView<Booking>, input: SagaInput) {
  if (input.kind === 'start') return { to: 'HOLDING', note: 'asked', send: { seats: data.seats } }
  if (input.kind === 'timeout') {
    return state === 'HOLDING' && attempt === 2
      ? { to: 'RELEASING', note: 'given up', send: {} }
      : { to: state, note: 'again', resend: true }
  }
  if (input.kind === 'cancel') return state === 'HOLDING' ? { to: state, note: 'noted', cancelReason: input.reason } : undefined
  if (state === 'RELEASING') return { to: 'FAILED', note: 'released' }
  return cancelReason === undefined
    ? { to: 'DONE', note: 'held', event: { type: 'shop.Booked.v1', data: {} } }
    : { to: 'RELEASING', note: 'held, but not wanted any more', send: {} }
}

const sagasOf = (definition = booking()) => new Sagas(definition, async (_tx, emit, saga, event) => {
  await emit.event({ ...event, subject: saga.subject, aggregateType: 'booking', aggregateVersion: 1 })
})

async function start (t: Parameters<typeof rig>[0], sagas = [sagasOf()], parts: RigParts = {}) {
  const made = await rig(t, { schemas: SCHEMAS, tables: SAGA_TABLES, sagas, ...parts })
  await made.messaging.start()
  const begin = (subject: string, which = 0) =>
    made.messaging.tx((tx, emit) => sagas[which]!.begin(tx, emit, subject, { seats: 2 }))
  const book = made.messaging.sagas!
  const stateOf = async (id: string) => (await book.find(id)).state
  const notes = async (id: string) => (await book.find(id)).log.map(line => line.note)
  return { ...made, begin, book, stateOf, notes }
}

const hold = (bus: { of (type: string): Envelope[] }) => bus.of('seats.Hold.v1').at(-1)!

t.test('the replies are subscribed to and reach the saga without a route', async t => {
  const { begin, bus, clock, stateOf } = await start(t)
  t.same(bus.subscriptions, [{ topic: 'breakwater-seats-events.fifo', types: ['seats.Held.v1', 'seats.Released.v1'] }])
  const id = await begin('b1')
  await clock.advance(1000)
  t.match(bus.sent, [{ dest: 'breakwater-seats-in.fifo', group: 'b1' }])
  t.match(hold(bus), { subject: 'b1', correlationid: id, data: { seats: 2 } })
  await bus.deliver(replyTo(hold(bus), 'seats.Held.v1'))
  t.equal(await stateOf(id), 'DONE')
  await clock.advance(1000)
  t.equal(bus.of('shop.Booked.v1').length, 1)
})

t.test('asked again at each deadline as the same message, then given up; the last deadline is of the next step', async t => {
  const { begin, bus, clock, stateOf, notes, book } = await start(t)
  const id = await begin('b1')
  for (const asked of [1, 2, 3]) {
    await clock.advance(DEADLINE_MS - 500)
    t.equal(bus.of('seats.Hold.v1').length, asked, `asked ${asked} times before the deadline`)
    await clock.advance(500 + 250)
  }
  t.equal(await stateOf(id), 'RELEASING')
  t.equal(new Set(bus.of('seats.Hold.v1').map(one => one.id)).size, 1, 'one message')
  t.equal(new Set(bus.sent.map(one => one.dedupe)).size, 4, 'that no bus swallows')
  t.same(await notes(id), ['asked', 'again', 'again', 'given up'])
  const { deadlineAt, attempt } = await book.find(id)
  t.equal(attempt, 0)
  t.ok(deadlineAt! > clock.now() && deadlineAt! <= clock.now() + DEADLINE_MS)
})

t.test('a deadline that is a fraction is rounded; what is none is refused at its step', async t => {
  const withDeadline = (deadlineMs: number) => sagasOf(booking({ states: { ...booking().states,
    HOLDING: { sends: 'seats.Hold.v1', replies: ['seats.Held.v1'], deadlineMs: () => deadlineMs } } }))
  const { begin, clock, book, messaging } = await start(t, [withDeadline(1234.5678)])
  const { deadlineAt } = await book.find(await begin('b1'))
  t.equal(deadlineAt, clock.now() + 1235)
  for (const bad of [Number.NaN, -1, 0, 0.4, Infinity, 2 ** 53, 1e18]) {
    const sagas = withDeadline(bad)
    await t.rejects(messaging.tx((tx, emit) => sagas.begin(tx, emit, `bad ${bad}`, { seats: 1 })),
      { code: 'E_SAGA_STEP', message: /saga Booking: the state HOLDING has a deadline of .* ms at attempt 0/ })
  }
  t.equal((await book.counts()).open, 1, 'none of them was begun')
})

t.test('one that throws holds up no other, however many there are; it is tried again with growing waits', async t => {
  const poisoned = new Set<string>()
  const bad = booking({ decide: (view, input) => {
    if (input.kind === 'timeout' && view.data.seats === 13) throw new Error('unlucky')
    return decide(view, input)
  } })
  const sagas = sagasOf(bad)
  const { messaging, clock, bus, book, lines } = await start(t, [sagas])
  for (let n = 0; n < 60; n++) poisoned.add(await messaging.tx((tx, emit) => sagas.begin(tx, emit, `bad${n}`, { seats: 13 })))
  await clock.advance(1000)
  const good = await messaging.tx((tx, emit) => sagas.begin(tx, emit, 'good', { seats: 1 }))
  await clock.advance(DEADLINE_MS + 250)
  t.equal(bus.of('seats.Hold.v1').filter(one => one.subject === 'good').length, 2, 'the good one, behind 60 bad ones, asked again')
  t.equal((await book.find(good)).failures, 0)
  t.match(await book.counts(), { open: 61, failing: 60, unknown: 0 })
  t.match((await book.list({ limit: 100 })).find(one => one.subject === 'bad7'), { failures: 2, error: 'Error: unlucky' })
  t.equal(lines.filter(({ level }) => level === 'error').length, 60, 'each was told once')
  const before = messaging.deadlineFailures
  await clock.advance(60_000)
  t.ok(messaging.deadlineFailures - before <= 60 * 6, 'not at each look')
  t.ok(messaging.deadlineFailures - before >= 60 * 3, 'but again and again')
})
