/**
 * Places that nobody wants anything from: a mistyped name, or a service that was never started. While a platform starts
 * there are always some, so only one that is still unwanted after a minute is worth a word, once.
 */
import type { Clock } from '../../clock.ts'

const AFTER_MS = 60_000
/** Anybody may send to any name. */
const MAX_NAMES = 1000

export class Unwanted {
  readonly #clock: Clock
  readonly #since = new Map<string, number>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Notes how a place was met; true when it is time to tell of it. */
  met (name: string, wanted: boolean): boolean {
    if (wanted) {
      this.#since.delete(name)
      return false
    }
    const now = this.#clock.elapsed()
    const since = this.#since.get(name)
    if (since === undefined && this.#since.size < MAX_NAMES) this.#since.set(name, now)
    if (since === undefined || now < since + AFTER_MS) return false
    this.#since.set(name, Infinity)
    return true
  }
}
