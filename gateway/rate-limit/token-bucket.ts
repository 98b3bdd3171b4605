/** Spring's token bucket: what a limiter is asked and answers. */

export interface BucketRule {
  /** Tokens a second. */
  readonly replenishRate: number
  readonly burstCapacity: number
  readonly requestedTokens: number
}

export interface Verdict {
  readonly allowed: boolean
  /** -1: the store did not answer. */
  readonly remaining: number
}

/** `id` is the route, `key` whose budget it is. */
export interface RateLimiter {
  take (id: string, key: string, rule: BucketRule): Verdict | Promise<Verdict>
}
