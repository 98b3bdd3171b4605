import { t } from 'tap'
import { Sagas, type Envelope, type SagaInput, type SagaStep } from '../index.ts'
import { anyData, replyTo } from './rig.ts'
import { booking, DEADLINE_MS, decide, hold, sagasOf, start, type Booking } from './saga-rig.ts'

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

t.test('a step that another one has overtaken is refused, not lost', async t => {
  const sagas: Sagas<Booking> = new Sagas(booking(), async (tx, emit, saga) => {
    // Two writers of one saga; here in one transaction, so that each store shows it.
    await sagas.cancel(tx, emit, saga.subject, 'CHANGED_MIND')
  })
  const { begin, bus, clock, stateOf, notes } = await start(t, [sagas])
  const id = await begin('b1')
  await clock.advance(1000)
  await t.rejects(bus.deliver(replyTo(hold(bus), 'seats.Held.v1')), { code: 'E_STORE_CONFLICT', canRetry: true })
  t.equal(await stateOf(id), 'HOLDING')
  t.same(await notes(id), ['asked'], 'neither of both was kept')
})

t.test('what no step waits for is noted and nothing else: late, doubled, of another command', async t => {
  const { begin, bus, clock, book, notes, stateOf, lines } = await start(t)
  const id = await begin('b1')
  await clock.advance(1000)
  const asked = hold(bus)
  await bus.deliver(replyTo(asked, 'seats.Released.v1'))
  await bus.deliver({ ...replyTo(asked, 'seats.Held.v1'), causationid: 'another-command' })
  t.match(await book.find(id), { state: 'HOLDING', attempt: 0 })
  const held = replyTo(asked, 'seats.Held.v1')
  await bus.deliver(held)
  await bus.deliver(held)
  await bus.deliver(replyTo(asked, 'seats.Held.v1'))
  t.equal(await stateOf(id), 'DONE')
  t.same(await notes(id), ['asked', 'ignored seats.Released.v1', 'ignored seats.Held.v1', 'held', 'ignored seats.Held.v1'])
  await clock.advance(10 * DEADLINE_MS)
  t.equal(bus.sent.length, 2, 'the command and the event, once each')
  await bus.deliver({ ...replyTo(asked, 'seats.Held.v1', {}, 'nobody'), correlationid: 'somebody-else' })
  t.same(lines, [])
})

t.test('cancelled while the reply is under way: its reply decides what is undone', async t => {
  const sagas = sagasOf()
  const { begin, bus, clock, messaging, notes, stateOf, book } = await start(t, [sagas])
  const id = await begin('b1')
  await clock.advance(1000)
  const { deadlineAt } = await book.find(id)
  t.same(await messaging.tx((tx, emit) => sagas.cancel(tx, emit, 'b1', 'CHANGED_MIND')),
    { from: 'HOLDING', to: 'HOLDING', ignored: false })
  t.equal((await book.find(id)).deadlineAt, deadlineAt, 'its time goes on')
  await clock.advance(DEADLINE_MS)
  t.match(await book.find(id), { attempt: 1 })
  await bus.deliver(replyTo(hold(bus), 'seats.Held.v1'))
  t.equal(await stateOf(id), 'RELEASING')
  t.match(await messaging.tx((tx, emit) => sagas.cancel(tx, emit, 'b1', 'CHANGED_MIND')), { ignored: true })
  t.equal(await messaging.tx((tx, emit) => sagas.cancel(tx, emit, 'unknown', 'CHANGED_MIND')), undefined)
  await clock.advance(1000)
  await bus.deliver(replyTo(bus.of('seats.Release.v1')[0]!, 'seats.Released.v1'))
  t.same(await notes(id), ['asked', 'noted', 'again', 'held, but not wanted any more', 'ignored cancel', 'released'])
  t.equal(await stateOf(id), 'FAILED')
})

t.test('sagas of several types about one subject: each hears its own replies and has its own time', async t => {
  const first = sagasOf()
  const second = sagasOf(booking({ type: 'Waitlist', states: { ...booking().states,
    HOLDING: { sends: 'seats.Hold.v1', replies: ['seats.Held.v1'], deadlineMs: 3 * DEADLINE_MS } } }))
  const { begin, bus, clock, book, stateOf, messaging } = await start(t, [first, second])
  const one = await begin('b1', 0)
  const two = await begin('b1', 1)
  await clock.advance(1000)
  await t.rejects(book.find('b1'), { code: 'E_SAGA_MANY', message: new RegExp(`${one}.*${two}|${two}.*${one}`) })
  await t.rejects(begin('b1', 0), { code: 'E_SAGA_EXISTS', statusCode: 409 })
  t.match(await book.counts(), { open: 2 })
  const commands = bus.of('seats.Hold.v1')
  t.equal(commands.length, 2, 'the second beginning of one type sent nothing')
  await clock.advance(DEADLINE_MS)
  t.equal((await book.find(one)).attempt, 1)
  t.equal((await book.find(two)).attempt, 0)
  await bus.deliver(replyTo(commands.find(command => command.correlationid === two)!, 'seats.Held.v1'))
  t.equal(await stateOf(one), 'HOLDING')
  t.equal(await stateOf(two), 'DONE')
  t.same((await book.find(one)).log.map(line => line.note), ['asked', 'again'], 'nothing of the other')
  t.equal((await book.list({ type: 'Waitlist', limit: 10 })).length, 1)
  t.equal((await book.list({ state: 'HOLDING', limit: 10 })).length, 1)
  t.match(await messaging.tx((tx, emit) => second.cancel(tx, emit, 'b1', 'CHANGED_MIND')), { from: 'DONE', ignored: true })
  t.same((await book.find(one)).log.map(line => line.note), ['asked', 'again'], 'nor of its cancellation')
})

t.test('a reply under another subject finds the saga whose command it answers', async t => {
  const { begin, bus, clock, stateOf } = await start(t)
  const id = await begin('b1')
  await clock.advance(1000)
  await bus.deliver(replyTo(hold(bus), 'seats.Held.v1', {}, 'the-seats-own-id'))
  t.equal(await stateOf(id), 'DONE')
})

t.test('a state without a command waits for an event of its subject, or only for its time', async t => {
  const sagas = new Sagas<Booking>({ type: 'Reminder',
    states: {
      UNCONFIRMED: { replies: ['users.Confirmed.v1'], deadlineMs: DEADLINE_MS },
      COOLING: { deadlineMs: DEADLINE_MS },
      DONE: { ends: true },
      FAILED: { ends: true }
    },
    decide: ({ state, attempt }, input) => {
      if (input.kind === 'start') return { to: 'UNCONFIRMED', note: 'begun' }
      if (input.kind === 'reply') return { to: 'COOLING', note: 'confirmed' }
      if (state === 'COOLING') return { to: 'DONE', note: 'cooled' }
      return attempt === 1 ? { to: 'FAILED', note: 'given up' } : { to: state, note: 'waits on' }
    } })
  const { begin, bus, clock, stateOf, notes } = await start(t, [sagas], { schemas: anyData('users.Confirmed.v1') })
  t.same(bus.subscriptions, [{ topic: 'breakwater-users-events.fifo', types: ['users.Confirmed.v1'] }])
  const [one, two] = [await begin('u1'), await begin('u2')]
  const { correlationid: _none, causationid: _neither, ...confirmed } = replyTo(replyTo({ subject: 'u1', id: 'x',
    time: new Date(clock.now()).toISOString() } as Envelope, 'users.Confirmed.v1'), 'users.Confirmed.v1')
  await bus.deliver(confirmed)
  t.equal(await stateOf(one), 'COOLING')
  t.equal(await stateOf(two), 'UNCONFIRMED')
  await clock.advance(DEADLINE_MS + 250)
  t.equal(await stateOf(one), 'DONE')
  t.same(await notes(two), ['begun', 'waits on'])
  await clock.advance(DEADLINE_MS + 250)
  t.equal(await stateOf(two), 'FAILED')
  t.equal(bus.sent.length, 0)
})

t.test('steps that the states do not know are refused where they are made', async t => {
  const next = (step: SagaStep<Booking> | undefined, at: SagaInput['kind'] = 'start') => sagasOf(booking({
    decide: (view, input) => input.kind === at ? step : decide(view, input) }))
  const refused: Array<[SagaStep<Booking> | undefined, RegExp]> = [
    [{ to: 'NOWHERE', note: '' }, /leads to NOWHERE, which is no state/],
    [{ to: 'toString', note: '' }, /leads to toString/],
    [{ to: 'HOLDING', note: '' }, /HOLDING sends a command, but is not given its data/],
    [{ to: 'DONE', note: '', send: {} }, /DONE sends no command, but is given one/],
    [{ to: 'HOLDING', note: '', resend: true, send: {} }, /no command to be sent again/],
    [undefined, /NEW is not answered at its start/]
  ]
  const { messaging, clock, book } = await start(t, [next(undefined, 'timeout')])
  for (const [step, message] of refused) {
    const sagas = next(step)
    await t.rejects(messaging.tx((tx, emit) => sagas.begin(tx, emit, 'b1', { seats: 1 })), { code: 'E_SAGA_STEP', message })
  }
  const wordless = new Sagas(booking({ decide: () => ({ to: 'DONE', note: '', event: { type: 'shop.Booked.v1', data: {} } }) }))
  await t.rejects(messaging.tx((tx, emit) => wordless.begin(tx, emit, 'b1', { seats: 1 })), { code: 'E_SAGA_STEP' })
  const id = await messaging.tx((tx, emit) => next(undefined, 'timeout').begin(tx, emit, 'b1', { seats: 1 }))
  await clock.advance(DEADLINE_MS + 500)
  t.match(await book.find(id), { failures: 1, error: /HOLDING is not left or prolonged at its deadline/ })
})
