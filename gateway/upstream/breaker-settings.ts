/** `resilience4j.circuitbreaker` as we honour it. Names and defaults are Resilience4j's. */

export interface BreakerSettings {
  /** @default COUNT_BASED: the last calls; TIME_BASED: the calls of the last seconds. */
  readonly slidingWindowType: 'COUNT_BASED' | 'TIME_BASED'
  /** @default 100 calls or seconds. */
  readonly slidingWindowSize: number
  /** @default 100 completed calls, below which nothing is judged. */
  readonly minimumNumberOfCalls: number
  /** @default 50 percent of completed calls, from which the breaker opens. */
  readonly failureRateThreshold: number
  /** @default 100 */
  readonly slowCallRateThreshold: number
  /** @default 60000 */
  readonly slowCallDurationThresholdMs: number
  /** @default 60000 */
  readonly waitDurationInOpenStateMs: number
  /** @default 10, judged together; the rest is refused meanwhile. */
  readonly permittedNumberOfCallsInHalfOpenState: number
  /** @default 0: as long as the wait when open (Resilience4j waits for ever, so that a lost probe never ends). */
  readonly maxWaitDurationInHalfOpenStateMs: number
  /** Failure kinds counted (`connect`, `reset`, `timeout`, `status`, ...); null = all. */
  readonly recordFailures: readonly string[] | null
  readonly ignoreFailures: readonly string[]
}

export const BREAKER_DEFAULTS: BreakerSettings = {
  slidingWindowType: 'COUNT_BASED',
  slidingWindowSize: 100,
  minimumNumberOfCalls: 100,
  failureRateThreshold: 50,
  slowCallRateThreshold: 100,
  slowCallDurationThresholdMs: 60_000,
  waitDurationInOpenStateMs: 60_000,
  permittedNumberOfCallsInHalfOpenState: 10,
  maxWaitDurationInHalfOpenStateMs: 0,
  recordFailures: null,
  ignoreFailures: []
}

/** Settings by breaker name, with those of all others. */
export interface BreakerSettingsTable {
  readonly default: BreakerSettings
  readonly instances: Readonly<Record<string, BreakerSettings>>
}
