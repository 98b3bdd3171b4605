import { t } from 'tap'
import { brokerBus, BookBroker, type Broker } from '../index.ts'
import { keepReceiving } from '../bus/receiving.ts'
import { settler } from '../bus/embedded/settler.ts'
import type { Settlement } from '../bus/embedded/settlement.ts'
import { BookRig } from './book-rig.ts'
import { message } from './bus-rig.ts'
import { until } from './until.ts'
import { ManualClock } from './manual-clock.ts'

t.test('a loop that fails is told each time, asks again with growing distance, and says when it works again', async t => {
  const clock = new ManualClock()
  const told: string[] = []
  const asked: Array<readonly [number, boolean]> = []
  let up = true
  const stop = keepReceiving({ clock, random: () => 1, working: () => [], stopping: new AbortController(),
    onError: error => { told.push(String(error)) },
    onUp: () => { told.push('up') },
    receive: async down => {
      asked.push([clock.elapsed(), down])
      if (!up) throw new Error('away')
      await clock.delay(1000)
    } })
  await clock.advance(500)
  up = false
  await clock.advance(20_000)
  t.same(told, ['up', ...Array.from({ length: 8 }, () => 'Error: away')])
  const times = asked.map(([at]) => at)
  t.same(times, [0, 1000, 1200, 1600, 2400, 4000, 7200, 12_200, 17_200])
  t.same(asked.map(([, down]) => down), [false, false, true, true, true, true, true, true, true])
  up = true
  await clock.advance(6000)
  t.same(told.slice(9), ['up'])
  const stopped = stop()
  await clock.advance(1000)
  await stopped
  t.equal(clock.timers, 0)
})

t.test('many loops do not ask a bus that is away at the same moments', async t => {
  const clock = new ManualClock()
  const asked = [0, 0.5].map(chance => {
    const times: number[] = []
    const receive = async () => {
      times.push(clock.elapsed())
      throw new Error('away')
    }
    keepReceiving({ clock, random: () => chance, working: () => [], stopping: new AbortController(), receive })
    return times
  })
  await clock.advance(1000)
  t.same(asked.map(times => times.slice(0, 3)), [[0, 100, 300], [0, 150, 450]])
})

t.test('a stop gives back what was not begun, and waits for a handler that hangs no longer than said', async t => {
  const clock = new ManualClock()
  let left = 0
  const stop = keepReceiving({ clock, stopping: new AbortController(), receive: () => clock.delay(100),
    working: () => [new Promise<void>(() => {})], leave: async () => { left++ } })
  let stopped = false
  const stopping = stop().then(() => { stopped = true })
  await clock.advance(9900)
  t.equal(left, 1)
  t.notOk(stopped)
  await clock.advance(200)
  await stopping
  t.equal(clock.timers, 0)
})

t.test('a verdict is told until the bus has it or the message is somebody else\'s', async t => {
  const clock = new ManualClock()
  const calls: Array<readonly Settlement[]> = []
  let down = 2
  const broker = { settle: async (_queue: string, settlements: readonly Settlement[]) => {
    calls.push(settlements)
    if (down-- > 0) throw new Error('away')
    return []
  } } as unknown as Broker
  const settle = settler(broker, 'q', clock, 1000)
  const received = (group: string) => ({ seq: 1, receipt: `r-${group}`, group, body: '', tries: 1 })
  let told = 0
  void settle(received('a'), { kind: 'done' }).then(() => { told++ })
  void settle(received('b'), { kind: 'retry', delayMs: 5, error: 'no' }).then(() => { told++ })
  await clock.advance(150)
  t.equal(told, 0)
  await clock.advance(100)
  t.equal(told, 2)
  t.same(calls.at(-1), [{ group: 'a', receipt: 'r-a', verdict: 'done' },
    { group: 'b', receipt: 'r-b', verdict: 'retry', delayMs: 5, error: 'no' }])
  t.equal(calls.length, 3)
  down = Infinity
  void settle(received('c'), { kind: 'done' }).then(() => { told++ })
  await clock.advance(2000)
  t.equal(told, 3)
  t.equal(clock.timers, 0)
})

/** Every second extension is lost. */
class Lossy extends BookBroker {
  #extensions = 0

  override async extend (...args: Parameters<Broker['extend']>): Promise<void> {
    if (++this.#extensions % 2 === 1) throw new Error('lost')
    return super.extend(...args)
  }
}

t.test('a handler keeps its message for as long as it works, though an extension is lost now and then', async t => {
  const { book, clock } = new BookRig(t)
  const bus = brokerBus('in process', new Lossy(book, clock), { clock })
  let end = (): void => {}
  bus.consume('q', () => new Promise<void>(resolve => { end = resolve }), { visibilityMs: 3000 })
  await bus.send('q', [message('a', 1)])
  await until(async () => {
    await clock.advance(0)
    return (await bus.stats('q')).inFlight === 1
  }, 'it is begun')
  for (let second = 0; second < 30; second++) {
    await clock.advance(1000)
    t.same(await book.receive('q', 1, 1000), [], `still its own after ${second + 1} s`)
  }
  end()
  await until(async () => {
    await clock.advance(0)
    const { waiting, inFlight } = await bus.stats('q')
    return waiting + inFlight === 0
  }, 'it is done')
  await bus.close()
})
