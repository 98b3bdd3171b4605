/** Whether and when a failed try is made again. The budget has the last word. */
import type { RetryBudget } from './retry-budget.ts'
import type { RetryPolicy } from './upstream.ts'

export interface Backoff {
  readonly firstMs: number
  readonly maxMs: number
  readonly factor: number
  readonly basedOnPrevious: boolean
  /** Share of the delay drawn up or down, 0..1. */
  readonly jitter: number
}

export interface RetryOptions {
  readonly retries: number
  readonly methods: ReadonlySet<string>
  readonly statuses: ReadonlySet<number>
  /** Of `connect`, `reset`, `timeout`. */
  readonly exceptions: ReadonlySet<string>
  readonly maxBodyBytes: number
  readonly perTryTimeoutMs: number
  /** Over all tries, waits included; 0 = none. */
  readonly totalTimeoutMs: number
  readonly backoff: Backoff | undefined
}

/** A policy over the budget of the route's service. */
export function retryPolicy (options: RetryOptions, budget: RetryBudget, random: () => number): RetryPolicy {
  return {
    retries: options.retries,
    maxBodyBytes: options.maxBodyBytes,
    perTryTimeoutMs: options.perTryTimeoutMs,
    allows (x, failure, status, nowMs) {
      if (!isRetryable(options, x.method, failure, status)) return false
      if (options.totalTimeoutMs > 0 && nowMs - x.startedMs >= options.totalTimeoutMs) return false
      return budget.take(nowMs)
    },
    delayMs: attempt => options.backoff === undefined ? 0 : backoffMs(options.backoff, attempt, random)
  }
}

/** Statuses that say something about the instance, whatever a route retries. */
export function isFailure (status: number): boolean {
  return status === 500 || (status >= 502 && status <= 504)
}

/**
 * A connection that never came about has sent nothing, so its request may go elsewhere whatever the method; anything
 * else needs the method's leave, because the upstream may have done the work.
 */
function isRetryable (options: RetryOptions, method: string, failure: string, status: number): boolean {
  if (failure === 'status') return options.methods.has(method) && options.statuses.has(status)
  return options.exceptions.has(failure) && (failure === 'connect' || options.methods.has(method))
}

/** Before retry `attempt` (1 = the first): first, first*factor, ... capped. */
export function backoffMs (backoff: Backoff, attempt: number, random: () => number): number {
  const plain = Math.min(backoff.maxMs, backoff.firstMs * backoff.factor ** Math.max(0, attempt - 1))
  return backoff.jitter === 0 ? plain : plain * (1 + backoff.jitter * (2 * random() - 1))
}
