/**
 * How many retries a service gets in all: a share of its calls, so that an outage is not multiplied by the retries of
 * everyone who calls. A few at a time are always allowed, or a service called once a minute could never be retried.
 */
const FLOOR_CONCURRENT = 3
/** Counted in thousandths of a retry: ten times 0.2 must be two. */
const RETRY = 1_000
/** Unused budget that may be saved up. */
const MAX_SAVED = 20 * RETRY

/** One per called service. */
export class RetryBudget {
  readonly #share: number
  #saved = 0
  #running = 0

  /** `share` 0.2: one retry for five calls. 0 allows no more than the floor. */
  constructor (share: number) {
    this.#share = Math.round(share * RETRY)
  }

  /** A call began: it pays in its share. */
  called (): void {
    this.#saved = Math.min(MAX_SAVED, this.#saved + this.#share)
  }

  /** Takes one retry; false when there is none to take. End it by `release`. */
  take (): boolean {
    if (this.#saved >= RETRY) this.#saved -= RETRY
    else if (this.#running >= FLOOR_CONCURRENT) return false
    this.#running++
    return true
  }

  release (): void {
    this.#running--
  }
}
