/**
 * Outlier ejection: an instance that fails is left out for a while, judged by plain counters of this worker.
 *
 * Three ways out: a failed connection ejects at once (nobody listens there; a probe brings it back); so many errors in
 * a row; a failure rate in one interval that stands out from what the others do. The last finds the instance that
 * fails one request in five, which never fails five in a row. The time grows with every ejection and shrinks never,
 * until the instance has been in service for a whole maximum.
 */
import type { InstanceState } from './instance-state.ts'

/** Envoy's words (outlier_detection), our defaults: an instance back after 10 s starts with a small share. */
export interface OutlierOptions {
  /** @default 5 errors in a row; 0 = never. */
  readonly consecutiveErrors: number
  /** @default 1000; how often failure rates are judged. */
  readonly intervalMs: number
  /** @default 20 requests in the interval, below which a rate means nothing. */
  readonly minimumRequests: number
  /** @default 10; percent of failures from which an instance may stand out; 0 = never. */
  readonly failureRatePercent: number
  /** @default 10000, times the number of ejections. */
  readonly baseEjectionMs: number
  /** @default 300000 */
  readonly maxEjectionMs: number
  /** @default 50; of the instances, judgements leave out at most so many, but always one (of two or more). */
  readonly maxEjectionPercent: number
  /** @default 50; with fewer healthy ones than this, judgements are ignored: spreading beats crushing the rest. */
  readonly panicThresholdPercent: number
  /** @default 10000; the share of a returning or new instance grows from 10 % over this time; 0 = full at once. */
  readonly slowStartMs: number
}

export const OUTLIER_DEFAULTS: OutlierOptions = {
  consecutiveErrors: 5,
  intervalMs: 1_000,
  minimumRequests: 20,
  failureRatePercent: 10,
  baseEjectionMs: 10_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 50,
  panicThresholdPercent: 50,
  slowStartMs: 10_000
}

/** How many may be ejected by judgement. */
export function ejectable (total: number, options: OutlierOptions): number {
  return total < 2 ? 0 : Math.max(1, Math.floor(total * options.maxEjectionPercent / 100))
}

/** The instances whose failure rate stands out: at least the configured rate, and three times that of the others. */
export function standingOut (instances: readonly InstanceState[], options: OutlierOptions): InstanceState[] {
  if (options.failureRatePercent === 0) return []
  const calls = instances.reduce((sum, one) => sum + one.successes + one.failures, 0)
  const failures = instances.reduce((sum, one) => sum + one.failures, 0)
  return instances.filter(one => {
    const own = one.successes + one.failures
    if (own < options.minimumRequests || one.failures < 3) return false
    const rate = one.failures / own
    const others = (failures - one.failures) / Math.max(1, calls - own)
    return rate * 100 >= options.failureRatePercent && rate >= 3 * others
  })
}
