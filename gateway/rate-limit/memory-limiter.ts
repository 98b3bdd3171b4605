/** Buckets in the memory of this gateway, to the millisecond: one for each key, whichever event loop is asked. */
import type { BucketTable } from './bucket-table.ts'
import type { BucketRule, RateLimiter, Verdict } from './token-bucket.ts'

const NS_PER_MS = 1e6
const NS_PER_SECOND = 1e9

export class MemoryLimiter implements RateLimiter {
  readonly #now: () => number
  readonly #table: BucketTable

  /** `now`: the same time in all event loops. */
  constructor (now: () => number, table: BucketTable) {
    this.#now = now
    this.#table = table
  }

  take (id: string, key: string, { replenishRate, burstCapacity, requestedTokens }: BucketRule): Verdict {
    const tokenNs = NS_PER_SECOND / replenishRate
    const nowNs = this.#now() * NS_PER_MS
    const name = `${id}\n${key}`
    const lacksNs = this.#table.take(name, requestedTokens * tokenNs, burstCapacity * tokenNs, nowNs)
    const left = burstCapacity - (lacksNs ?? this.#table.lacking(name, nowNs)) / tokenNs
    // Sums of fractions miss a whole token by a hair.
    return { allowed: lacksNs !== undefined, remaining: Math.max(0, Math.floor(left + 1e-6)) }
  }
}
