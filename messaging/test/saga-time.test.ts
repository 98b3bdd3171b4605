/** Deadlines of sagas: looked for by messaging itself, each in a transaction of its own. */
import { t } from 'tap'
import { DEFAULTS, workHealth } from '../index.ts'
import { Deadlines } from '../saga/deadlines.ts'
import { replyTo } from './rig.ts'
import { booking, DEADLINE_MS, decide, hold, sagasOf, start } from './saga-rig.ts'

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
  await clock.advance(DEADLINE_MS + 1500)
  t.equal(bus.of('seats.Hold.v1').filter(one => one.subject === 'good').length, 2, 'the good one, behind 60 bad ones, asked again')
  t.equal((await book.find(good)).failures, 0)
  t.match(await book.counts(), { open: 61, failing: 60, unknown: 0 })
  t.match((await book.list({ limit: 100 })).find(one => one.subject === 'bad7'), { failures: 2, error: 'Error: unlucky' })
  t.equal(lines.filter(({ level, text }) => level === 'error' && text.startsWith('the deadline')).length, 60, 'each was told once')
  const before = messaging.deadlineFailures
  await clock.advance(60_000)
  t.ok(messaging.deadlineFailures - before <= 60 * 6, 'not at each look')
  t.ok(messaging.deadlineFailures - before >= 60 * 3, 'but again and again')
  t.equal(workHealth(messaging.work).status, 'UP', 'while others can be told')
})

t.test('when no saga can be told any more, the service is down, until one can', async t => {
  let broken = true
  const { begin, clock, messaging, lines } = await start(t, [sagasOf(booking({ decide: (view, input) => {
    if (broken && input.kind === 'timeout') throw new Error('a fault of the version')
    return decide(view, input)
  } }))])
  for (let n = 0; n < 12; n++) await begin(`b${n}`)
  await clock.advance(DEADLINE_MS + 5000)
  t.match(workHealth(messaging.work), { status: 'DOWN', details: { deadlines: { error: /the last 10 sagas/ } } })
  t.equal(lines.filter(({ level, work }) => level === 'error' && work === 'deadlines').length, 1)
  broken = false
  await clock.advance(60_000)
  t.match(workHealth(messaging.work), { status: 'UP', details: { deadlines: 'ok' } })
})

t.test('a reply that comes between the look and the transaction: the step behind it has its own time', async t => {
  const sagas = sagasOf()
  const { messaging, store, begin, bus, clock, book, stateOf, notes } = await start(t, [sagas])
  const id = await begin('b1')
  await clock.advance(1000)
  await messaging.tx((tx, emit) => sagas.cancel(tx, emit, 'b1', 'CHANGED_MIND'))
  const asked = hold(bus)
  const late = clock.now() + DEADLINE_MS
  const deadlines = new Deadlines({ sagas: [sagas], reader: store.read, now: () => late,
    onFailure: () => {}, onRedated: () => {},
    inTransaction: async fn => {
      await bus.deliver(replyTo(asked, 'seats.Held.v1'))
      return messaging.inTransaction(fn)
    } })
  await deadlines.look(() => false)
  t.equal(await stateOf(id), 'RELEASING')
  t.match(await book.find(id), { attempt: 0, failures: 0 })
  t.same(await notes(id), ['asked', 'noted', 'held, but not wanted any more'])
  await clock.advance(1000)
  t.equal(bus.of('seats.Release.v1').length, 1, 'not sent again')
})

t.test('who is asked again and again without an answer is stuck, as from its last move', async t => {
  const { begin, bus, clock, book, messaging } = await start(t, [sagasOf(booking({ decide: (view, input) =>
    input.kind === 'timeout' ? { to: view.state, note: 'again', resend: true } : decide(view, input) }))])
  const id = await begin('b1')
  await clock.advance(299_000)
  t.match(await book.find(id), { stuck: false })
  t.equal((await book.counts()).stuck, 0)
  await clock.advance(2000)
  t.match(await book.find(id), { stuck: true })
  t.match(await book.counts(), { open: 1, stuck: 1 })
  t.ok(bus.of('seats.Hold.v1').length > 20, 'it was asked meanwhile')
  const second = await begin('b2')
  t.same((await book.list({ stuck: true, limit: 10 })).map(saga => saga.sagaId), [id])
  t.same((await book.list({ limit: 10 })).map(saga => saga.sagaId), [second, id])
  await messaging.tx((tx, emit) => emit.event({ type: 'shop.Booked.v1', subject: 'x', aggregateType: 'x',
    aggregateVersion: 1, data: {} }).then(() => tx.run('UPDATE saga SET moved_at = ? WHERE id = ?', clock.now(), id)))
  t.equal((await book.counts()).stuck, 0, 'who moves is not')
})

t.test('a full outbox stops commands, and no deadline', async t => {
  const { begin, bus, clock, messaging, stateOf, store } = await start(t, undefined,
    { options: { ...DEFAULTS, maxOutbox: 0 } })
  const id = await begin('b1')
  bus.refusal = Object.assign(new Error('away'), { canRetry: true })
  await clock.advance(1000)
  await messaging.inTransaction((_tx, emit) => emit.event({ type: 'shop.Booked.v1', subject: 'x', aggregateType: 'x',
    aggregateVersion: 1, data: {} }))
  await clock.advance(1000)
  await t.rejects(messaging.tx(async () => {}), { code: 'E_OUTBOX_FULL' })
  await clock.advance(3 * DEADLINE_MS + 1000)
  t.equal(await stateOf(id), 'RELEASING')
  t.ok(await store.outbox.count() >= 3, 'it waits for the bus with the rest')
})

t.test('a resend goes on with the trace of the first sending, and so does what a deadline leads to', async t => {
  const { bus, clock, messaging } = await start(t, undefined, {})
  const sagas = sagasOf()
  const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  await messaging.tx((tx, emit) => sagas.begin(tx, emit, 'b1', { seats: 1 }), { trace })
  await clock.advance(3 * DEADLINE_MS + 1000)
  t.same(bus.of('seats.Hold.v1').map(command => command.traceparent), [trace, trace, trace])
  t.same(bus.of('seats.Release.v1').map(command => command.traceparent), [trace])
})

t.test('a history is bounded, and tells of the move behind the bound', async t => {
  const { begin, bus, clock, book, notes } = await start(t, [sagasOf(booking({ decide: (view, input) =>
    input.kind === 'timeout' ? { to: view.state, note: 'again', resend: true } : decide(view, input) }))],
  { options: { ...DEFAULTS, sweepMs: 60_000, deadlineLookMs: 5000 } })
  const id = await begin('b1')
  await clock.advance(600 * (DEADLINE_MS + 5000))
  t.ok((await book.find(id)).attempt > 500)
  t.equal((await notes(id)).length, 500)
  await bus.deliver(replyTo(hold(bus), 'seats.Held.v1'))
  t.same((await notes(id)).slice(-2), ['again', 'held'])
})

t.test('a saga that was begun by a clock that was ahead has its time from when the clock is right again', async t => {
  const { clock, begin, bus, book, lines } = await start(t)
  const right = clock.now()
  clock.set(right + 3_600_000)
  await begin('a')
  await clock.advance(1000)
  clock.set(right + 1000)
  await clock.advance(DEADLINE_MS + 2000)
  t.equal(bus.of('seats.Hold.v1').length, 2, 'it has asked again')
  t.match(await book.counts(), { open: 1, stuck: 0 })
  t.match(lines.filter(({ level }) => level === 'warn'), [{ text: /clock that was ahead/, count: 1 }])
})
