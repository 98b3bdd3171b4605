/**
 * How many retries one service may get: a fifth of its requests, so that an outage is amplified by 1.2 at most.
 *
 * Counted per second over a sliding window. Retries are summed over one bucket more than requests: the exact 10 s that
 * end with a retry then hold at least the requests and at most the retries that were weighed against each other, so
 * that the bound holds over any 10 s, not only over those that begin with a bucket. With little traffic a fifth is
 * nothing, so there is a floor: three retries at a time, and never more of them than a fifth of 100 requests/s would
 * have allowed.
 */
export interface RetryBudgetOptions {
  /** @default 0.2 of the requests; 0 = only the floor. */
  readonly ratio: number
  /** @default 3 at a time. */
  readonly floor: number
  /** Workers that share the floor's bound. */
  readonly workers: number
}

export const RETRY_BUDGET_DEFAULTS: RetryBudgetOptions = { ratio: 0.2, floor: 3, workers: 1 }

const BUCKETS = 11
/** A fifth of 100 requests/s, per second and over the window: what the floor may add up to. */
const FLOOR_PER_SECOND = 20
const FLOOR_IN_ALL = 180

export class RetryBudget {
  readonly #options: RetryBudgetOptions
  readonly #requests = new Int32Array(BUCKETS)
  readonly #retries = new Int32Array(BUCKETS)
  #second = 0
  #running = 0
  #sumRequests = 0
  #sumRetries = 0
  /** Since the start, for `gateway_retry_ratio`. */
  totalRequests = 0
  totalRetries = 0
  refused = 0

  constructor (options: RetryBudgetOptions = RETRY_BUDGET_DEFAULTS) {
    this.#options = options
  }

  /** Counts a request's first try. */
  request (nowMs: number): void {
    this.#roll(nowMs)
    const at = this.#second % BUCKETS
    this.#requests[at] = (this.#requests[at] ?? 0) + 1
    this.#sumRequests++
    this.totalRequests++
  }

  /** Takes one retry, or says no. */
  take (nowMs: number): boolean {
    this.#roll(nowMs)
    const { ratio, floor, workers } = this.#options
    // The oldest bucket counts for retries only.
    const requests = this.#sumRequests - (this.#requests[(this.#second + 1) % BUCKETS] ?? 0)
    const at = this.#second % BUCKETS
    const now = this.#retries[at] ?? 0
    const few = now < FLOOR_PER_SECOND / workers && this.#sumRetries < FLOOR_IN_ALL / workers
    const byFloor = few && this.#running < floor
    if (this.#sumRetries + 1 > ratio * requests && !byFloor) {
      this.refused++
      return false
    }
    this.#retries[at] = now + 1
    this.#sumRetries++
    this.#running++
    this.totalRetries++
    return true
  }

  /** The exchange that took `count` retries is over. */
  release (count: number): void {
    this.#running = Math.max(0, this.#running - count)
  }

  #roll (nowMs: number): void {
    const second = Math.floor(nowMs / 1000)
    if (second <= this.#second) return
    if (second - this.#second >= BUCKETS) {
      this.#requests.fill(0)
      this.#retries.fill(0)
      this.#sumRequests = this.#sumRetries = 0
    } else {
      for (let s = this.#second + 1; s <= second; s++) this.#clear(s % BUCKETS)
    }
    this.#second = second
  }

  #clear (at: number): void {
    this.#sumRequests -= this.#requests[at] ?? 0
    this.#sumRetries -= this.#retries[at] ?? 0
    this.#requests[at] = this.#retries[at] = 0
  }
}
