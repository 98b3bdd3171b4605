/**
 * Consuming from SQS: each receive brings up to ten messages, sorted into lanes by group. A lane is handled in order,
 * lanes side by side.
 */
import { randomUUID } from 'node:crypto'
import { systemClock } from '../../clock.ts'
import type { ConsumeOptions, Handler } from '../bus.ts'
import { judgingOf, tryOnce, type Verdict } from '../handling.ts'
import { keepReceiving } from '../receiving.ts'
import type { AwsCalls } from './calls.ts'
import { Hand, type Held } from './hand.ts'
import { runLane } from './lane.ts'
import { BATCH } from './limits.ts'
import { bury } from './letters.ts'
import type { AwsBusOptions } from './options.ts'
import { Outage } from './outage.ts'
import type { Places } from './places.ts'
import { Slots } from './slots.ts'
import { Troubles } from './troubles.ts'

/** Far below what SQS lets be in flight, 20,000 for all consumers of a queue. */
const MAX_IN_HAND = 1000
const MAX_BYTES_IN_HAND = 64 * 1024 * 1024
/** SQS counts in whole seconds, and a receive waits for one. */
const MIN_VISIBILITY_MS = 2000
/** Between two receives that do not wait. */
const IDLE_MS = 100
/** With the hand full of lanes that wait, so often some make room for others. */
const MAKE_ROOM_MS = 1000

export function consumeSqs (
  calls: AwsCalls, places: Places, queue: string, handler: Handler, options: AwsBusOptions & ConsumeOptions
): () => Promise<void> {
  const { lanes = 16, clock = systemClock } = options
  const visibilityMs = Math.max(options.visibilityMs ?? (options.visibilitySeconds ?? 30) * 1000, MIN_VISIBILITY_MS)
  // A stop waits for the receive that is under way: what it brings would be nobody's if it were cut off.
  const waitSeconds = Math.min(options.waitSeconds ?? 5, Math.floor(visibilityMs / 2000))
  const stopping = new AbortController()
  const { signal } = stopping
  const running = new Map<string, Promise<void>>()
  const url = () => places.queueUrl(queue)
  const troubles = new Troubles(options)
  let onRoom = (): void => {}
  const hand = new Hand({ calls, url, clock, visibilityMs, troubles, onRoom: () => { onRoom() },
    maxMessages: options.maxInHand ?? MAX_IN_HAND, maxBytes: MAX_BYTES_IN_HAND })
  const slots = new Slots(lanes, () => { onRoom() })
  const probes = new Slots(Math.max(1, Math.floor(lanes / 2)))
  signal.addEventListener('abort', () => {
    slots.open()
    probes.open()
  }, { once: true })
  const outage = new Outage(clock)

  const attempt = ({ message: { Body: body = '', Attributes } }: Held, tries: number): Promise<Verdict> => {
    const receives = Number(Attributes?.ApproximateReceiveCount ?? 1)
    return tryOnce(handler, { body, tries, receives }, judgingOf(options))
  }
  const parts = { hand, slots, probes, outage, clock, signal, attempt, troubles,
    bury: ({ message }: Held, error: string) => bury(calls, places, queue, message, error) }

  /** SQS gives no more of a group while we have some of it, but for what we have lost: that waits for the first. */
  const start = (group: string, lane: readonly Held[]): void => {
    const before = running.get(group) ?? Promise.resolve()
    const job = before.then(() => runLane(lane, parts)).catch((error: unknown) => { troubles.failed('lane', error) })
      .finally(() => { if (running.get(group) === job) running.delete(group) })
    running.set(group, job)
  }

  const room = async (): Promise<void> => {
    let since = clock.elapsed()
    while (!signal.aborted && !(slots.hasRoom && hand.hasRoom)) {
      const woken = new AbortController()
      onRoom = () => { woken.abort() }
      await clock.delay(MAKE_ROOM_MS, AbortSignal.any([signal, woken.signal]))
      if (hand.hasRoom || clock.elapsed() - since < MAKE_ROOM_MS) continue
      since = clock.elapsed()
      outage.sendAway(BATCH)
    }
  }

  // The same until it is answered: what a lost answer brought is brought again, and not invisible for its time.
  let attemptId = randomUUID()
  const receive = async (down: boolean): Promise<void> => {
    await room()
    if (signal.aborted) return
    const askedAt = clock.elapsed()
    const messages = await calls.receive({ QueueUrl: await url(), MaxNumberOfMessages: BATCH,
      WaitTimeSeconds: down ? 0 : waitSeconds, VisibilityTimeout: Math.ceil(visibilityMs / 1000),
      ReceiveRequestAttemptId: attemptId, MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['ApproximateReceiveCount', 'MessageGroupId'] })
    attemptId = randomUUID()
    if (messages.length === 0 && waitSeconds === 0) return clock.delay(IDLE_MS, signal)
    const byGroup = Map.groupBy(hand.take(messages, askedAt), held => held.message.Attributes?.MessageGroupId ?? '')
    for (const [group, lane] of byGroup) start(group, lane)
  }

  const stop = keepReceiving({ ...options, receive, stopping, clock, working: () => running.values() })
  return async () => {
    await stop()
    hand.close()
  }
}
