/**
 * While a new version of a service is rolled out, its old instances are handed messages that only the new ones
 * understand. They leave them: the message waits at the head of its group, so that its order is kept, and the next to
 * be offered it may be a new instance. What nobody has understood for a long time is a dead letter.
 */
import { backOffMs } from './back-off.ts'
import type { Clock } from './clock.ts'
import type { Envelope } from './envelope.ts'
import { Held, messagingError, Poison } from './errors.ts'
import type { Logger } from './parts.ts'

export interface HoldingOptions {
  readonly holdMs: number
  readonly clock: Clock
  readonly random: () => number
  readonly log: Pick<Logger, 'warn'>
}

/** A message that was left to others. */
export interface Hold {
  readonly id: string
  readonly type: string
  readonly why: string
  /** How often it was offered. */
  readonly times: number
}

interface Kept extends Hold { readonly sinceMs: number }

const FIRST_WAIT_MS = 1000
const MAX_WAIT_MS = 60_000
/** Of messages that others have taken nobody tells us: the longest not seen are forgotten. */
const MAX_HOLDS = 10_000
/** Types come from the wire. */
const MAX_TYPES = 100

export class Holding {
  readonly #options: HoldingOptions
  readonly #holds = new Map<string, Kept>()
  readonly #counts = new Map<string, number>()

  constructor (options: HoldingOptions) {
    this.#options = options
  }

  /** How many deliveries were left to others, by the message's type. */
  get counts (): ReadonlyMap<string, number> {
    return this.#counts
  }

  /** What is to be thrown for a message that nobody here understands: {@link Held}, or Poison when its time is up. */
  judge ({ id, type }: Envelope, why: string): Error {
    const { holdMs, clock, random } = this.#options
    const now = clock.elapsed()
    const known = this.#holds.get(id)
    const hold = { id, type, why, sinceMs: known?.sinceMs ?? now, times: (known?.times ?? 0) + 1 }
    this.#holds.delete(id)
    const heldMs = now - hold.sinceMs
    if (heldMs >= holdMs) {
      return new Poison(messagingError('E_MESSAGE_UNKNOWN', [type, why, Math.round(holdMs / 1000)]).toString())
    }
    this.#keep(hold)
    this.#count(type, why)
    // Spread: in step with the consumers' polls, the same instance would be offered it each time.
    return new Held(why, Math.round(backOffMs(hold.times, FIRST_WAIT_MS, MAX_WAIT_MS, random)))
  }

  /** The longest held first; others may have taken some of them since. */
  list (limit: number): Hold[] {
    return [...this.#holds.values()].slice(0, limit).map(({ sinceMs: _sinceMs, ...hold }) => hold)
  }

  /** Makes it a dead letter when it is offered next; false when it is not held here. */
  giveUp (id: string): boolean {
    const hold = this.#holds.get(id)
    if (hold === undefined) return false
    this.#holds.set(id, { ...hold, sinceMs: -Infinity })
    return true
  }

  #keep (hold: Kept): void {
    this.#holds.set(hold.id, hold)
    const [oldest] = this.#holds.keys()
    if (this.#holds.size > MAX_HOLDS) this.#holds.delete(oldest!)
  }

  #count (type: string, why: string): void {
    const name = this.#counts.has(type) || this.#counts.size < MAX_TYPES ? type : 'other'
    const count = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, count)
    if (count === 1) this.#options.log.warn({ type, why }, 'messages are left to a newer version of this service')
  }
}
