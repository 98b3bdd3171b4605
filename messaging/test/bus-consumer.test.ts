import t from 'tap'
import { consume } from '../bus/embedded/consumer.ts'
import type { Broker, ReceiveOptions } from '../bus/embedded/broker.ts'
import type { Received } from '../bus/embedded/settlement.ts'
import type { Handler } from '../bus/bus.ts'
import { ManualClock } from './manual-clock.ts'

/** A broker of which a test decides what a receive brings, and that waits where there is nothing. */
function rig (handler: Handler, batches: string[][]) {
  const clock = new ManualClock()
  const asked: number[] = []
  const broker = {
    receive: async (_queue: string, { max }: ReceiveOptions, signal: AbortSignal): Promise<readonly Received[]> => {
      asked.push(max)
      const batch = batches.shift()
      if (batch === undefined) await new Promise<void>(resolve => { signal.addEventListener('abort', () => { resolve() }) })
      return (batch ?? []).map(id =>
        ({ id, group: id, receipt: id, tries: 1, body: JSON.stringify({ id }) }) as unknown as Received)
    },
    settle: async () => [], leave: async () => {}, extend: async () => {}
  } as unknown as Broker
  const errors: unknown[] = []
  const stop = consume(broker, 'q', handler, { lanes: 2, clock, onError: error => { errors.push(error) } })
  return { clock, asked, errors, stop }
}

t.test('a bus that hands out more than was asked for is asked again when there is room, never for nothing', async t => {
  const work = Promise.withResolvers<void>()
  let first = true
  const { clock, asked, errors, stop } = rig(async () => {
    if (first) first = false
    else await work.promise
  }, [['a', 'b', 'c', 'd']])
  await clock.advance(100)
  t.same(asked, [2], 'three of four are at work')
  work.resolve()
  await clock.advance(100)
  t.same(asked, [2, 2])
  t.same(errors, [])
  await stop()
})

t.test('a stop waits no longer than said for handlers, also when every lane hangs', async t => {
  const { clock, asked, stop } = rig(() => new Promise<void>(() => {}), [['a', 'b']])
  await clock.advance(100)
  const stopped = stop().then(() => 'stopped')
  await clock.advance(10_000)
  t.equal(await Promise.race([stopped, clock.turn().then(() => 'hangs')]), 'stopped')
  t.same(asked, [2], 'and takes nothing any more')
})
