/** The outcomes a client's breaker judges by: the last N calls, or those of the last N seconds. Integers in rings. */

/** Totals of what the window holds now. */
export interface WindowTotals {
  calls: number
  failures: number
  slow: number
}

export interface BreakerWindow {
  readonly totals: WindowTotals
  add (failed: boolean, slow: boolean, nowMs: number): void
  clear (): void
}

/** Resilience4j's COUNT_BASED. */
export function countWindow (size: number): BreakerWindow {
  const ring = new Uint8Array(size)
  const totals = { calls: 0, failures: 0, slow: 0 }
  let at = 0
  return {
    totals,
    add (failed, slow) {
      if (totals.calls === size) {
        const old = ring[at] ?? 0
        totals.failures -= old & 1
        totals.slow -= old >> 1
      } else totals.calls++
      ring[at] = (failed ? 1 : 0) | (slow ? 2 : 0)
      totals.failures += failed ? 1 : 0
      totals.slow += slow ? 1 : 0
      at = at + 1 === size ? 0 : at + 1
    },
    clear () {
      ring.fill(0)
      totals.calls = totals.failures = totals.slow = at = 0
    }
  }
}

/** Resilience4j's TIME_BASED: one bucket per second. */
export function timeWindow (seconds: number): BreakerWindow {
  const rings = { calls: new Int32Array(seconds), failures: new Int32Array(seconds), slow: new Int32Array(seconds) }
  const totals = { calls: 0, failures: 0, slow: 0 }
  let current = 0

  function drop (at: number): void {
    for (const key of ['calls', 'failures', 'slow'] as const) {
      totals[key] -= rings[key][at] ?? 0
      rings[key][at] = 0
    }
  }

  return {
    totals,
    add (failed, slow, nowMs) {
      const second = Math.floor(nowMs / 1000)
      const from = Math.max(current + 1, second - seconds + 1)
      for (let s = from; s <= second; s++) drop(s % seconds)
      current = Math.max(current, second)
      const at = current % seconds
      count(rings.calls, at)
      totals.calls++
      if (failed) { count(rings.failures, at); totals.failures++ }
      if (slow) { count(rings.slow, at); totals.slow++ }
    },
    clear () {
      for (let at = 0; at < seconds; at++) drop(at)
    }
  }
}

function count (ring: Int32Array, at: number): void {
  ring[at] = (ring[at] ?? 0) + 1
}
