/**
 * When a second try is sent beside one that takes long: after a fixed time, or once it takes longer than nearly all
 * calls of the route did in the last ten seconds.
 */
import { percentile, RollingStatistics } from './rolling-statistics.ts'
import type { HedgePolicy } from './upstream.ts'

export interface HedgeOptions {
  /** @default 95: the percentile of the route's own times after which a call counts as slow. */
  readonly percentile: number
  /** @default 10 ms; a route that answers faster than this is not helped by asking twice. */
  readonly minDelayMs: number
}

export const HEDGE_DEFAULTS: HedgeOptions = { percentile: 95, minDelayMs: 10 }

/** Fewer calls in the last ten seconds say nothing about what is slow. */
const LEAST_CALLS = 20
const RECKON_EVERY_MS = 1_000

export function fixedHedge (delayMs: number): HedgePolicy {
  return { delayMs: () => delayMs, observe () {} }
}

export function measuredHedge (options: HedgeOptions): HedgePolicy {
  const statistics = new RollingStatistics()
  let delayMs = 0
  let reckonMs = 0
  const reckon = (nowMs: number): number => {
    const { counts, latencies } = statistics.snapshot(nowMs)
    if ((counts['success'] ?? 0) < LEAST_CALLS) return 0
    return Math.max(options.minDelayMs, Math.round(percentile(latencies, options.percentile)))
  }
  return {
    delayMs (nowMs) {
      if (nowMs < reckonMs) return delayMs
      reckonMs = nowMs + RECKON_EVERY_MS
      return delayMs = reckon(nowMs)
    },
    observe (elapsedMs, nowMs) { statistics.completed('success', elapsedMs, nowMs) }
  }
}
