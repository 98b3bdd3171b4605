/**
 * What a handler's outcome means, the same on every bus: done, wait (the surroundings are down: no try is used up, and
 * the message goes back to its queue, so that it costs no slot meanwhile), try again later, or never.
 */
import type { Clock } from '../clock.ts'
import type { Envelope } from '../envelope.ts'
import { Held, isTransient, Poison } from '../errors.ts'
import { MAX_TRIES, RETRY_DELAYS_MS, type ConsumeOptions, type Delivery, type Handler } from './bus.ts'

export type Verdict =
  | { readonly kind: 'done' }
  | { readonly kind: 'retry', readonly delayMs: number, readonly error: string }
  /** `leave`: somebody else may be able to, so it must not wait in anybody's hand. */
  | { readonly kind: 'wait', readonly delayMs: number, readonly error: string, readonly leave: boolean }
  | { readonly kind: 'dead', readonly error: string }

/** A delivery as it comes from the bus. */
export interface RawDelivery extends Omit<Delivery, 'envelope'> {
  readonly body: string
}

export interface JudgingOptions extends Pick<ConsumeOptions, 'onFailure'> {
  /** Between two probes of surroundings that are down. */
  readonly probeMs: number
  readonly maxTries?: number
  readonly delaysMs?: readonly number[]
}

/** Between two probes, where a bus is not told otherwise. */
const PROBE_MS = 1000

/** What a consumer was asked for, as far as it is about judging. */
export function judgingOf ({ probeMs = PROBE_MS, retryDelaysMs, onFailure }: Pick<ConsumeOptions, 'onFailure'> & {
  readonly probeMs?: number, readonly retryDelaysMs?: readonly number[]
}): JudgingOptions {
  return { probeMs, ...(retryDelaysMs === undefined ? {} : { delaysMs: retryDelaysMs }),
    ...(onFailure === undefined ? {} : { onFailure }) }
}

export interface HandlingOptions extends JudgingOptions {
  /** Keeps the message ours while we work. */
  readonly extend: () => Promise<void>
  readonly extendEveryMs: number
  readonly clock: Clock
}

/** Whoever can reach the bus can send anything: what is no envelope must not end the service, nor be tried again. */
function readEnvelope (body: string): Envelope {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (cause) {
    throw new Poison('the body is no JSON', { cause })
  }
  if (typeof value !== 'object' || value === null) throw new Poison('the body is no JSON object')
  return value as Envelope
}

/** Runs the handler once, and judges; keeps the message meanwhile. */
export async function handle (handler: Handler, delivery: RawDelivery, options: HandlingOptions): Promise<Verdict> {
  // A lost extension is no failure of the handler: the receipt goes stale and the inbox drops the second delivery.
  const stopHeartbeat = options.clock.every(options.extendEveryMs, () => { options.extend().catch(() => {}) })
  try {
    return await tryOnce(handler, delivery, options)
  } finally {
    stopHeartbeat()
  }
}

/** Runs the handler once, and judges. */
export async function tryOnce (
  handler: Handler, { body, ...counts }: RawDelivery, options: JudgingOptions
): Promise<Verdict> {
  let envelope: Envelope | undefined
  try {
    envelope = readEnvelope(body)
    await handler({ envelope, ...counts })
    return { kind: 'done' }
  } catch (error) {
    const verdict = judge(error, counts.tries, options)
    if (verdict.kind !== 'wait') {
      options.onFailure?.({ envelope, tries: counts.tries, error, dead: verdict.kind === 'dead' })
    }
    return verdict
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
