/**
 * What the relay does not send at present: destinations that are away or slow, groups whose first message was not
 * taken. For each the first row that was passed over, so that it is gone on with from there and nothing is overtaken.
 */
import { backOffMs } from './back-off.ts'
import type { Clock } from './clock.ts'
import { isTransient } from './errors.ts'
import type { OutboxRow } from './store/store.ts'

export interface HeldOptions {
  readonly firstMs: number
  readonly maxMs: number
  readonly clock: Clock
  readonly random: () => number
}

/** What was wrong with a destination, or a group of it, the last time. */
export interface Trouble { readonly failures: number, readonly error: unknown }

interface Hold {
  until: number
  /** Infinity while no row was passed over. */
  first: number
}

/** A destination is its own key. */
export function groupKey ({ dest, group }: Pick<OutboxRow, 'dest' | 'group'>): string {
  return `${dest} ${group}`
}

export class Held {
  readonly #options: HeldOptions
  readonly #holds = new Map<string, Hold>()
  readonly #troubles = new Map<string, Trouble>()

  constructor (options: HeldOptions) {
    this.#options = options
  }

  get size (): number {
    return this.#holds.size
  }

  has (key: string): boolean {
    return this.#holds.has(key)
  }

  /** By destination, or by destination and group. */
  get troubles (): ReadonlyMap<string, Trouble> {
    return this.#troubles
  }

  /** Whether the row must wait; it is noted then. */
  pass (row: OutboxRow): boolean {
    if (this.#holds.size === 0) return false
    const hold = this.#holds.get(row.dest) ?? this.#holds.get(groupKey(row))
    if (hold === undefined) return false
    hold.first = Math.min(hold.first, row.seq)
    return true
  }

  /** Holds for so long, or until it is let go. Rows from `first` on are still to be sent. */
  hold (key: string, ms = Infinity, first = Infinity): void {
    const noted = this.#holds.get(key)?.first ?? Infinity
    this.#holds.set(key, { until: this.#options.clock.elapsed() + ms, first: Math.min(first, noted) })
  }

  /** Lets go at the next look. */
  release (key: string): void {
    const hold = this.#holds.get(key)
    if (hold !== undefined) hold.until = -Infinity
  }

  /** It failed once more; returns how often in a row. What does not go away by itself is a row of its own. */
  failed (key: string, first: number, error: unknown): number {
    const { firstMs, maxMs, random } = this.#options
    const before = this.#troubles.get(key)
    const goesOn = before !== undefined && isTransient(before.error) === isTransient(error)
    const failures = (goesOn ? before.failures : 0) + 1
    this.#troubles.set(key, { failures, error })
    this.hold(key, backOffMs(failures, firstMs, maxMs, random), first)
    return failures
  }

  worked (key: string): void {
    this.#troubles.delete(key)
  }

  /** When the next one may be sent again. */
  get nextAt (): number {
    return this.#holds.values().reduce((next, { until }) => Math.min(next, until), Infinity)
  }

  /**
   * Takes out one that may be sent again: from which row on. One at a time: a destination's rows must not go before
   * those that a group of it still has to catch up with.
   */
  takeDue (): { readonly key: string, readonly first: number } | undefined {
    const now = this.#options.clock.elapsed()
    for (const [key, { until, first }] of this.#holds) {
      if (until > now) continue
      this.#holds.delete(key)
      return { key, first }
    }
    return undefined
  }

  clear (): void {
    this.#holds.clear()
  }
}
