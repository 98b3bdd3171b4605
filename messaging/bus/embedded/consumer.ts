/**
 * Takes messages from the embedded bus and settles them. A lane's next message is received only after its last one was
 * settled, so that lanes are handled side by side and each of them in order.
 */
import { randomUUID } from 'node:crypto'
import { systemClock } from '../../clock.ts'
import type { ConsumeOptions, Handler } from '../bus.ts'
import { handle, judgingOf, type Verdict } from '../handling.ts'
import { keepReceiving } from '../receiving.ts'
import type { Received } from './settlement.ts'
import type { Broker } from './broker.ts'
import type { BrokerBusOptions } from './client.ts'
import { MAX_ITEMS } from './limits.ts'
import { settler } from './settler.ts'

const WAIT_MS = 10_000

/** Keeps up to `lanes` messages at work; the returned function stops, and waits for what was begun. */
export function consume (
  broker: Broker, queue: string, handler: Handler, options: BrokerBusOptions & ConsumeOptions
): () => Promise<void> {
  const lanes = options.lanes ?? 16
  // Short, because a killed consumer's messages wait this long; the heartbeat keeps a slow handler's message its own.
  const visibilityMs = options.visibilityMs ?? 5000
  const consumer = randomUUID()
  const stopping = new AbortController()
  const working = new Map<string, Promise<void>>()
  const clock = options.clock ?? systemClock
  const settle = settler(broker, queue, clock, visibilityMs)
  let onRoom = (): void => {}
  const { signal } = stopping
  signal.addEventListener('abort', () => { onRoom() }, { once: true })

  const judge = ({ body, group, receipt, tries }: Received): Promise<Verdict> => handle(handler, { body, tries }, {
    ...judgingOf(options),
    clock,
    extendEveryMs: visibilityMs / 3,
    extend: () => broker.extend(queue, group, receipt, visibilityMs)
  })

  const work = async (message: Received): Promise<void> => {
    await settle(message, await judge(message))
    working.delete(message.receipt)
    onRoom()
  }

  /** How many may be asked for; a bus that doubles messages on the way may have handed out more. */
  const room = async (): Promise<number> => {
    while (working.size >= lanes && !signal.aborted) {
      await new Promise<void>(resolve => { onRoom = resolve })
      // What shared a commit ends in one turn: ask for as many again, not for one.
      await clock.turn()
    }
    return Math.min(lanes - working.size, MAX_ITEMS)
  }

  const receive = async (down: boolean): Promise<void> => {
    const max = await room()
    if (signal.aborted) return
    const messages = await broker.receive(queue, { max, waitMs: down ? 0 : WAIT_MS, visibilityMs, consumer }, signal)
    // What comes behind the stop is given back with what never came.
    if (!signal.aborted) for (const message of messages) working.set(message.receipt, work(message))
  }

  return keepReceiving({ ...options, receive, stopping, clock, working: () => working.values(),
    leave: () => broker.leave(queue, consumer, [...working.keys()]) })
}
