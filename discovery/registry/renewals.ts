import type { Instance, Status } from './instance.ts'

/** How a renewal ended; an instance means that ours is newer than the peer's that sent it. */
export type Renewal = 'renewed' | 'unknown' | 'newer' | Instance

/** What comes along with a renewal: who tells it, and how new the teller's copy is. */
export interface Note {
  /** A peer tells it, not the client itself. */
  readonly replicated: boolean
  readonly lastDirtyAt?: number | undefined
  readonly overriddenStatus?: Status | undefined
}

const SECOND = 1000
const WINDOW = 60

/** Renewals of the last 60 seconds, in buckets of one second: counting one is a few additions, whatever the load. */
export class RenewalWindow {
  readonly #buckets = new Float64Array(WINDOW)
  #second = 0
  #sum = 0
  #total = 0

  /** Counts one renewal. */
  count (now: number): void {
    this.#advance(now)
    this.#buckets[this.#second % WINDOW]! += 1
    this.#sum += 1
    this.#total += 1
  }

  /** How many renewals the last 60 seconds had. */
  lastMinute (now: number): number {
    this.#advance(now)
    return this.#sum
  }

  /** How many there were since the start. */
  get total (): number {
    return this.#total
  }

  #advance (now: number): void {
    const second = Math.floor(now / SECOND)
    if (second <= this.#second) return
    const from = Math.max(this.#second, second - WINDOW)
    for (let passed = from + 1; passed <= second; passed++) {
      this.#sum -= this.#buckets[passed % WINDOW]!
      this.#buckets[passed % WINDOW] = 0
    }
    this.#second = second
  }
}
