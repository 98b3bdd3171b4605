/**
 * Buckets in this worker's memory, to the millisecond. Bounded: when there are too many keys, the oldest tenth is
 * forgotten, which gives those callers a full bucket again.
 */
import type { BucketRule, RateLimiter, Verdict } from './token-bucket.ts'

interface Bucket {
  tokens: number
  atMs: number
}

const MAX_BUCKETS = 100_000

export class MemoryLimiter implements RateLimiter {
  readonly #buckets = new Map<string, Bucket>()
  readonly #now: () => number
  /** Each worker has an equal part of the connections, and so of the rate. */
  readonly #workers: number

  constructor (now: () => number, workers: number) {
    this.#now = now
    this.#workers = Math.max(1, workers)
  }

  take (id: string, key: string, rule: BucketRule): Verdict {
    const nowMs = this.#now()
    const capacity = Math.max(rule.requestedTokens, rule.burstCapacity / this.#workers)
    const name = `${id}\n${key}`
    const bucket = this.#buckets.get(name) ?? this.#create(name, capacity, nowMs)
    const earned = Math.max(0, nowMs - bucket.atMs) * rule.replenishRate / this.#workers / 1_000
    bucket.tokens = Math.min(capacity, bucket.tokens + earned)
    bucket.atMs = nowMs
    // Sums of fractions miss a whole token by a hair.
    const allowed = bucket.tokens + 1e-9 >= rule.requestedTokens
    if (allowed) bucket.tokens -= rule.requestedTokens
    return { allowed, remaining: Math.max(0, Math.floor(bucket.tokens + 1e-9)) }
  }

  #create (name: string, capacity: number, nowMs: number): Bucket {
    if (this.#buckets.size >= MAX_BUCKETS) this.#makeRoom()
    const bucket = { tokens: capacity, atMs: nowMs }
    this.#buckets.set(name, bucket)
    return bucket
  }

  #makeRoom (): void {
    let left = MAX_BUCKETS / 10
    for (const name of this.#buckets.keys()) {
      this.#buckets.delete(name)
      if (--left <= 0) return
    }
  }
}
