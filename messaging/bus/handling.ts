/**
 * What a handler's outcome means, the same on every bus: done, wait (the surroundings are down: no try is used up, and
 * the message goes back to its queue, so that it costs no slot meanwhile), try again later, or never.
 */
import type { Clock } from '../clock.ts'
import type { Envelope } from '../envelope.ts'
import { Held, isTransient, Poison } from '../errors.ts'
import { MAX_TRIES, RETRY_DELAYS_MS, type Delivery, type Handler } from './bus.ts'

export type Verdict =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry', readonly delayMs: number, readonly error: string }
  /** `leave`: somebody else may be able to, so it must not wait in anybody's hand. */
  | { readonly kind: 'wait', readonly delayMs: number, readonly error: string, readonly leave: boolean }
  | { readonly kind: 'dead', readonly error: string }

export interface JudgingOptions {
  /** Between two probes of surroundings that are down. */
  readonly probeMs: number
  readonly maxTries?: number
  readonly delaysMs?: readonly number[]
}

export interface HandlingOptions extends JudgingOptions {
  /** Keeps the message ours while we work. */
  readonly extend: () => Promise<void>
  readonly extendEveryMs: number
  readonly clock: Clock
}

/** What stands in a body; undefined when it is no JSON. */
export function readEnvelope (body: string): Envelope | undefined {
  try {
    return JSON.parse(body) as Envelope
  } catch {
    return undefined
  }
}

/** Whoever can reach the bus can send anything: what is no JSON must not end the service. */
export const NO_JSON: Verdict = { kind: 'dead', error: 'the body is no JSON' }

/** Runs the handler once, and judges; keeps the message meanwhile. */
export async function handle (handler: Handler, delivery: Delivery, options: HandlingOptions): Promise<Verdict> {
  // A lost extension is no failure of the handler: the receipt goes stale and the inbox drops the second delivery.
  const stopHeartbeat = options.clock.every(options.extendEveryMs, () => { options.extend().catch(() => {}) })
  try {
    return await tryOnce(handler, delivery, options)
  } finally {
    stopHeartbeat()
  }
}

/** Runs the handler once, and judges. */
export async function tryOnce (handler: Handler, delivery: Delivery, options: JudgingOptions): Promise<Verdict> {
  try {
    await handler(delivery)
    return { kind: 'done' }
  } catch (error) {
    return judge(error, delivery.tries, options)
  }
}

function judge (error: unknown, tries: number, options: JudgingOptions): Verdict {
  const text = textOf(error)
  if (error instanceof Held) return { kind: 'wait', delayMs: error.delayMs, error: text, leave: true }
  if (isTransient(error)) return { kind: 'wait', delayMs: options.probeMs, error: text, leave: false }
  if (error instanceof Poison || tries >= (options.maxTries ?? MAX_TRIES)) return { kind: 'dead', error: text }
  const delays = options.delaysMs ?? RETRY_DELAYS_MS
  return { kind: 'retry', delayMs: delays[Math.min(tries, delays.length) - 1] ?? 0, error: text }
}

function textOf (error: unknown): string {
  return (error instanceof Error ? error.toString() : JSON.stringify(error) ?? 'undefined').slice(0, 1000)
}
