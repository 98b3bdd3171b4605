/** What was handled is known for longer than it may come back; what is too old to be known is not handled as new. */
import { t, type Test } from 'tap'
import { DEFAULTS, openSqlite, uuidv7, type Envelope } from '../index.ts'
import { anyData, NoteBus, rig } from './rig.ts'
import { ManualClock } from './manual-clock.ts'

const DAY = 24 * 3_600_000
/** Waking up each half second for months is no use here. */
const OPTIONS = { ...DEFAULTS, sweepMs: DAY, purgeMs: DAY }

async function start (t: Test, clock = new ManualClock()) {
  const seen: string[] = []
  const store = openSqlite({ file: `${t.testdir()}/shop.db`, tables: '', synchronous: 'normal', clock })
  t.teardown(() => store.close())
  const restart = async () => {
    const made = await rig(t, { schemas: anyData('shop.Do.v1'), options: OPTIONS, store, clock,
      routes: { 'shop.Do.v1': { kind: 'command', handle: async message => { seen.push(message.subject) } } } })
    await made.messaging.start()
    return made
  }
  const message = (subject: string, sentMs = clock.now()): Envelope => ({ specversion: '1.0', id: uuidv7(sentMs),
    source: '/test', type: 'shop.Do.v1', subject, time: new Date(sentMs).toISOString(), aggregatetype: 'thing',
    datacontenttype: 'application/json', aggregateversion: 1, data: {} })
  return { ...await restart(), restart, seen, store, clock, message }
}

t.test('a dead letter that is older than the inbox is not handled a second time, and not lost', async t => {
  const { bus, clock, seen, message, messaging, restart } = await start(t)
  const done = message('a')
  await bus.deliver(done)
  await clock.advance(10 * DAY)
  await bus.deliver(done)
  await bus.deliver(message('b'))
  await clock.advance(10 * DAY)
  await t.rejects(bus.deliver(done), { name: 'Poison',
    message: /E_MESSAGE_TOO_OLD shop\.Do\.v1 is of 2026-03-01T12:00:00\.000Z, and what was handled up to 2026-03-01T12:00:00\.000Z/ })
  await messaging.stop()
  const { bus: again } = await restart()
  await t.rejects(again.deliver(done), { message: /E_MESSAGE_TOO_OLD/ }, 'nor behind a restart')
  t.same(seen, ['a', 'b'])
})

t.test('a service that was away for a month handles what waited for it', async t => {
  const { bus, clock, seen, message, messaging, restart } = await start(t)
  await bus.deliver(message('a'))
  await messaging.stop()
  const waiting = message('b', clock.now() + 1)
  await clock.advance(30 * DAY)
  const { bus: again } = await restart()
  await clock.advance(3 * DAY)
  await again.deliver(waiting)
  t.same(seen, ['a', 'b'])
})

t.test('a wall clock that is set forth makes nothing older', async t => {
  const { bus, clock, seen, message } = await start(t)
  const done = message('a')
  await bus.deliver(done)
  clock.set(clock.now() + 365 * DAY)
  await clock.advance(2 * DAY)
  await bus.deliver(done)
  await bus.deliver(message('b'))
  clock.set(clock.now() - 365 * DAY)
  await clock.advance(2 * DAY)
  await bus.deliver(done)
  await bus.deliver(message('c'))
  t.same(seen, ['a', 'b', 'c'])
})

t.test('one that is a year ahead at the start forgets, and says so: nothing is done twice, and what is new is done', async t => {
  const { bus, clock, seen, message, messaging, restart } = await start(t)
  const done = message('a')
  await bus.deliver(done)
  await messaging.stop()
  clock.set(clock.now() + 365 * DAY)
  const { bus: ahead } = await restart()
  await clock.advance(2 * DAY)
  await t.rejects(ahead.deliver(done), { message: /E_MESSAGE_TOO_OLD/ })
  clock.set(clock.now() - 365 * DAY)
  await t.rejects(ahead.deliver(done), { message: /E_MESSAGE_TOO_OLD/ })
  const second = message('b')
  await ahead.deliver(second)
  await clock.advance(2 * DAY)
  await ahead.deliver(second)
  t.same(seen, ['a', 'b'], 'and, the clock being right again, known for as long as ever')
})

t.test('one that was set back: what is sent by right clocks is known for as long as ever', async t => {
  const { bus, clock, seen, message } = await start(t)
  const right = clock.now()
  clock.set(right - 365 * DAY)
  const done = message('a', right)
  await bus.deliver(done)
  clock.set(right + DAY)
  await clock.advance(2 * DAY)
  await bus.deliver(done)
  await clock.advance(20 * DAY)
  await t.rejects(bus.deliver(done), { message: /E_MESSAGE_TOO_OLD/ })
  t.same(seen, ['a'])
})

t.test('an inbox that forgets before the bus does is refused at the start', async t => {
  const bus = Object.assign(new NoteBus(), { retentionMs: 14 * DAY })
  const starting = async (keepInboxMs: number) => {
    const { messaging } = await rig(t, { bus, options: { ...DEFAULTS, keepInboxMs } })
    await messaging.start()
  }
  await t.rejects(starting(14 * DAY), { code: 'E_INBOX_SHORT',
    message: /after 1209600 s, .* for 1209600 s\. Set breakwater\.messaging\.keep-inbox/ })
  await starting(14 * DAY + 1000)
  t.ok(DEFAULTS.keepInboxMs > 14 * DAY, 'as it is by default')
})
