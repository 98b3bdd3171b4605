/** What is in hand over hours: on the strict queue itself, without sockets, so that time can be skipped. */
import { t } from 'tap'
import type { FailedEntry } from '../bus/aws/calls.ts'
import { Hand, type HandOptions } from '../bus/aws/hand.ts'
import { runLane } from '../bus/aws/lane.ts'
import { Outage } from '../bus/aws/outage.ts'
import { Slots } from '../bus/aws/slots.ts'
import { Troubles } from '../bus/aws/troubles.ts'
import type { Verdict } from '../bus/handling.ts'
import { ManualClock } from './manual-clock.ts'
import { AwsFault, eachEntry } from './strict-aws/fault.ts'
import { Queue } from './strict-aws/queue.ts'

/** Long, so that few beats make many hours. */
const VISIBILITY_MS = 600_000
const HOUR = 3_600_000

function bed () {
  const clock = new ManualClock()
  const queue = new Queue('q.fifo', { arn: 'arn', url: 'url' }, {}, clock, { inFlight: 20_000, lookThrough: 20_000 },
    () => undefined)
  const failed: FailedEntry[] = []
  const note = (answer: { Failed: FailedEntry[] }) => {
    failed.push(...answer.Failed)
    return answer.Failed
  }
  /** Calls fail while there is such an error. */
  const trouble: { error?: Error } = {}
  const check = () => { if (trouble.error !== undefined) throw trouble.error }
  const calls: HandOptions['calls'] = {
    changeVisibility: async (_url, entries) => {
      check()
      return note(eachEntry(entries as Array<{ Id: string }>, ({ Id }) => {
        const { ReceiptHandle, VisibilityTimeout } = entries.find(entry => entry.Id === Id)!
        queue.changeVisibility(ReceiptHandle!, VisibilityTimeout!)
      }))
    },
    remove: async (_url, entries) => {
      check()
      return note(eachEntry(entries as Array<{ Id: string }>, ({ Id }) => {
        queue.remove(entries.find(entry => entry.Id === Id)!.ReceiptHandle!)
      }))
    }
  }
  const errors: unknown[] = []
  const hand = new Hand({ calls, url: async () => 'url', clock, visibilityMs: VISIBILITY_MS, maxMessages: 1000,
    maxBytes: 1e9, troubles: new Troubles({ onError: error => { errors.push(error) } }), onRoom: () => {} })
  const put = (...bodies: string[]) => {
    for (const body of bodies) queue.add({ body, attributes: {}, group: 'g', dedupe: body })
  }
  const receive = () => hand.take(queue.receive(10, VISIBILITY_MS).map(one =>
    ({ MessageId: one.id, ReceiptHandle: one.receipt!, Body: one.body })), clock.elapsed())
  return { clock, queue, hand, failed, errors, trouble, put, receive }
}

t.test('nothing is held beyond 12 hours: it goes back with all behind it, and is received again', async t => {
  const { clock, queue, hand, failed, put, receive } = bed()
  put('a', 'b')
  const stop = new AbortController()
  const parts = { hand, clock, slots: new Slots(1), probes: new Slots(1), outage: new Outage(clock),
    signal: stop.signal,
    attempt: async (): Promise<Verdict> => ({ kind: 'wait', delayMs: 300_000, error: 'down', leave: false }),
    bury: async () => {}, troubles: new Troubles({}) }
  let lane = runLane(receive(), parts)
  let lanes = 1
  for (let at = 0; at < 14 * HOUR; at += 300_000) {
    await clock.advance(300_000)
    if (queue.counts.visible === 0) continue
    await lane
    t.equal(queue.counts.visible, 2)
    lane = runLane(receive(), parts)
    lanes++
  }
  t.equal(lanes, 2)
  t.same(failed, [], 'SQS never had to refuse a visibility')
  t.same(queue.messages.map(one => one.receives), [2, 2])
  stop.abort()
  hand.close()
  await lane
})

t.test('a handler that takes hours keeps its message, and then deletes it', async t => {
  const { clock, queue, hand, failed, put, receive } = bed()
  put('a', 'b')
  const [a, b] = receive()
  await clock.advance(12 * HOUR - 90_000)
  t.same(queue.counts, { visible: 0, invisible: 2 })
  t.notOk(hand.keeps(a!), 'and yet nothing may be begun with it')
  await Promise.all([hand.remove(a!), hand.giveBack([b!])])
  t.same(queue.messages.map(one => one.body), ['b'])
  t.same(failed, [])
  hand.close()
})

t.test('heartbeats that fail lose nothing as long as one comes through in time', async t => {
  const { clock, queue, hand, errors, trouble, put, receive } = bed()
  put('a')
  const [a] = receive()
  trouble.error = new Error('away')
  await clock.advance(VISIBILITY_MS * 0.7)
  t.equal(errors.length, 2)
  delete trouble.error
  await clock.advance(VISIBILITY_MS * 0.4)
  t.ok(hand.keeps(a!))
  t.same(queue.counts, { visible: 0, invisible: 1 })
  hand.close()
})

t.test('a bus that is slow gets no second call for what the first one is about', async t => {
  const clock = new ManualClock()
  const asked: number[] = []
  const answer = Promise.withResolvers<FailedEntry[]>()
  const calls: HandOptions['calls'] = { remove: async () => [], changeVisibility: (_url, entries) => {
    asked.push(entries.length)
    return asked.length === 1 ? answer.promise : Promise.resolve([])
  } }
  const hand = new Hand({ calls, url: async () => '', clock, maxMessages: 100, maxBytes: 1e9,
    visibilityMs: VISIBILITY_MS, troubles: new Troubles({}), onRoom: () => {} })
  hand.take([{ ReceiptHandle: 'a' }], 0)
  await clock.advance(VISIBILITY_MS / 2)
  t.same(asked, [1])
  hand.take([{ ReceiptHandle: 'b' }, { ReceiptHandle: 'c' }], clock.elapsed())
  await clock.advance(VISIBILITY_MS / 4)
  t.same(asked, [1, 2], 'others are extended meanwhile')
  answer.resolve([])
  await clock.advance(VISIBILITY_MS / 4)
  t.same(asked, [1, 2, 3])
  hand.close()
})

t.test('what was lost is not ours, and a deletion of it is not repeated', async t => {
  const { clock, queue, hand, failed, errors, trouble, put, receive } = bed()
  put('a')
  const [a] = receive()
  trouble.error = new AwsFault('ServiceUnavailable', 'later', 503)
  await clock.advance(VISIBILITY_MS)
  t.notOk(hand.keeps(a!))
  delete trouble.error
  queue.receive(10, VISIBILITY_MS)
  await hand.remove(a!)
  t.equal(queue.messages.length, 1, 'somebody else has it')
  t.same(failed, [])
  t.equal(errors.length, 4)
  t.ok(hand.hasRoom)
  hand.close()
  t.equal(clock.timers, 0)
})

t.test('a hand is bounded in messages and in bytes', async t => {
  const clock = new ManualClock()
  const calls = { changeVisibility: async () => [], remove: async () => [] }
  const make = (maxMessages: number, maxBytes: number) => new Hand({ calls, url: async () => '', clock, maxMessages,
    maxBytes, visibilityMs: VISIBILITY_MS, troubles: new Troubles({}), onRoom: () => {} })
  const some = (count: number) => Array.from({ length: count }, (_, n) => ({ ReceiptHandle: String(n), Body: 'ää' }))
  const few = make(20, 1e9)
  few.take(some(10), 0)
  t.ok(few.hasRoom)
  const [last] = few.take(some(1), 0)
  t.notOk(few.hasRoom)
  await few.remove(last!)
  t.ok(few.hasRoom)
  const small = make(1000, 40)
  small.take(some(9), 0)
  t.ok(small.hasRoom)
  small.take(some(1), 0)
  t.notOk(small.hasRoom)
  few.close()
  small.close()
})
