/**
 * A bus that lost its disk is another one at the same address: nobody has subscribed there. Every reader notices with
 * its next question and subscribes again; until all have had the time, nothing is published, or it would be nobody's.
 */
import { messagingError } from '../../errors.ts'
import type { Clock } from '../../clock.ts'

/** A reader asks again within 5 s, a call may take 2, and then it subscribes. */
const HOLD_MS = 10_000

export class Renewal {
  readonly #clock: Clock
  readonly #listeners: Array<() => void> = []
  #until = -Infinity

  constructor (clock: Clock) {
    this.#clock = clock
  }

  on (listener: () => void): void {
    this.#listeners.push(listener)
  }

  happened (): void {
    this.#until = this.#clock.elapsed() + HOLD_MS
    for (const listener of this.#listeners) listener()
  }

  /** Throws E_BUS_RENEWED while others may not have subscribed again. */
  check (where: string): void {
    if (this.#clock.elapsed() < this.#until) throw messagingError('E_BUS_RENEWED', [], { where })
  }
}
