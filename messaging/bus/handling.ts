/**
 * What a handler's outcome means, the same on every bus: done, wait in place (the surroundings are down: no try is
 * used up and the lane stays where it is), try again later, or never.
 */
import type { Clock } from '../clock.ts'
import { isTransient, Poison } from '../errors.ts'
import { MAX_RECEIVES, RETRY_DELAYS_MS, type Delivery, type Handler } from './bus.ts'

export type Verdict =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry', readonly delayMs: number, readonly error: string }
  | { readonly kind: 'dead', readonly error: string }

export interface HandlingOptions {
  /** Between two probes of surroundings that are down. */
  readonly probeMs: number
  /** Ends the waiting; the message then goes back to its queue. */
  readonly signal: AbortSignal
  /** Keeps the message ours while we work or wait. */
  readonly extend: () => Promise<void>
  readonly extendEveryMs: number
  readonly maxReceives?: number
  readonly delaysMs?: readonly number[]
  readonly clock: Clock
}

/** Runs the handler until there is a verdict. */
export async function handle (handler: Handler, delivery: Delivery, options: HandlingOptions): Promise<Verdict> {
  // A lost extension is no failure of the handler: the receipt goes stale and the inbox drops the second delivery.
  const stopHeartbeat = options.clock.every(options.extendEveryMs, () => { options.extend().catch(() => {}) })
  try {
    for (;;) {
      const error = await attempt(handler, delivery)
      if (error === undefined) return { kind: 'done' }
      if (!isTransient(error)) return judge(error, delivery.receiveCount, options)
      if (options.signal.aborted) return { kind: 'retry', delayMs: 0, error: textOf(error) }
      await options.clock.delay(options.probeMs, options.signal)
    }
  } finally {
    stopHeartbeat()
  }
}

async function attempt (handler: Handler, delivery: Delivery): Promise<unknown> {
  try {
    await handler(delivery)
    return undefined
  } catch (error) {
    return error ?? new Error('the handler threw undefined')
  }
}

function judge (error: unknown, receiveCount: number, options: HandlingOptions): Verdict {
  const text = textOf(error)
  const delays = options.delaysMs ?? RETRY_DELAYS_MS
  if (error instanceof Poison || receiveCount >= (options.maxReceives ?? MAX_RECEIVES)) return { kind: 'dead', error: text }
  return { kind: 'retry', delayMs: delays[Math.min(receiveCount, delays.length) - 1] ?? 0, error: text }
}

function textOf (error: unknown): string {
  return (error instanceof Error ? error.toString() : JSON.stringify(error) ?? 'undefined').slice(0, 1000)
}
