/**
 * Takes messages from the embedded bus and settles them. A lane's next message is received only after its last one was
 * settled, so that lanes are handled side by side and each of them in order.
 */
import { systemClock, type Clock } from '../../clock.ts'
import type { Envelope } from '../../envelope.ts'
import type { ConsumeOptions, Handler } from '../bus.ts'
import { handle, type Verdict } from '../handling.ts'
import { keepReceiving } from '../receiving.ts'
import type { Received, Settlement } from './book.ts'
import type { Calls } from './call.ts'
import type { EmbeddedBusOptions } from './client.ts'

type Call = Calls['call']

const WAIT_MS = 10_000
/** The most that the bus hands out, and takes back, in one call. */
export const CHUNK = 100

/** Keeps up to `lanes` messages at work; the returned function stops and waits for them. */
export function consume (
  call: Call, queue: string, handler: Handler, options: EmbeddedBusOptions & ConsumeOptions
): () => Promise<void> {
  const lanes = options.lanes ?? 16
  // Short, because a killed consumer's messages wait this long; the heartbeat keeps a slow handler's message its own.
  const visibilityMs = options.visibilityMs ?? 5000
  const stopping = new AbortController()
  const working = new Set<Promise<void>>()
  const clock = options.clock ?? systemClock
  const settle = settler(call, queue, clock)
  let onRoom = (): void => {}

  const work = async (message: Received): Promise<void> => {
    const envelope = readEnvelope(message.body)
    // Whoever can reach the bus can send anything: what is no JSON must not end the service.
    if (envelope === undefined) return settle(message, { kind: 'dead', error: 'the body is no JSON' })
    const verdict = await handle(handler, { envelope, receiveCount: message.receiveCount }, {
      clock,
      probeMs: options.probeMs ?? 1000,
      signal: stopping.signal,
      extendEveryMs: visibilityMs / 3,
      extend: async () => {
        await call('POST', `/queues/${queue}/extend`, { group: message.group, receipt: message.receipt, ms: visibilityMs })
      },
      ...(options.retryDelaysMs === undefined ? {} : { delaysMs: options.retryDelaysMs })
    })
    await settle(message, verdict)
  }

  const start = (message: Received): void => {
    const job = work(message).finally(() => {
      working.delete(job)
      onRoom()
    })
    working.add(job)
  }

  const room = async (): Promise<number> => {
    if (working.size >= lanes) {
      await new Promise<void>(resolve => { onRoom = resolve })
      // What shared a commit ends in one turn: ask for as many again, not for one.
      await clock.turn()
    }
    return Math.min(lanes - working.size, CHUNK)
  }

  return keepReceiving(async () => {
    const max = await room()
    const answer = await call('POST', `/queues/${queue}/receive`, { max, waitMs: WAIT_MS, visibilityMs },
      { signal: stopping.signal, waitMs: WAIT_MS })
    for (const message of (answer as { messages: Received[] }).messages) start(message)
  }, working, stopping, clock)
}

function readEnvelope (body: string): Envelope | undefined {
  try {
    return JSON.parse(body) as Envelope
  } catch {
    return undefined
  }
}

/** Collects the verdicts of one turn into one call. A verdict that is lost comes back as a second delivery. */
function settler (call: Call, queue: string, clock: Clock): (message: Received, verdict: Verdict) => Promise<void> {
  let batch: Settlement[] = []
  let flushed: Promise<void> | undefined
  const flush = async (): Promise<void> => {
    await clock.turn()
    const settlements = batch
    batch = []
    flushed = undefined
    for (let at = 0; at < settlements.length; at += CHUNK) {
      await call('POST', `/queues/${queue}/settle`, { settlements: settlements.slice(at, at + CHUNK) }).catch(() => {})
    }
  }
  return (message, verdict) => {
    batch.push({ group: message.group, receipt: message.receipt, verdict: verdict.kind,
      ...(verdict.kind === 'retry' ? { delayMs: verdict.delayMs } : {}),
      ...(verdict.kind === 'done' ? {} : { error: verdict.error }) })
    flushed ??= flush()
    return flushed
  }
}
