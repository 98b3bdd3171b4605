/** Adds up the numbers of several event loops. */
import type { DataPlaneMetrics, RequestCell } from '../workers/contract.ts'

export const NO_METRICS: DataPlaneMetrics = { requests: [], counters: {}, gauges: {} }

/** Counters and gauges by name, requests by route, method and status. */
export function sumMetrics (parts: readonly DataPlaneMetrics[]): DataPlaneMetrics {
  const cells = new Map<string, RequestCell>()
  const counters: Record<string, number> = {}
  const gauges: Record<string, number> = {}
  for (const part of parts) {
    for (const cell of part.requests) addCell(cells, cell)
    for (const [name, value] of Object.entries(part.counters)) counters[name] = (counters[name] ?? 0) + value
    for (const [name, value] of Object.entries(part.gauges)) {
      // The longest of one loop is not made longer by those of others.
      gauges[name] = name.includes('_max_') ? Math.max(gauges[name] ?? 0, value) : (gauges[name] ?? 0) + value
    }
  }
  return { requests: [...cells.values()], counters, gauges }
}

function addCell (cells: Map<string, RequestCell>, cell: RequestCell): void {
  const key = `${cell.method} ${cell.status} ${cell.routeId}`
  const sum = cells.get(key)
  if (sum === undefined) {
    cells.set(key, { ...cell, buckets: [...cell.buckets] })
    return
  }
  sum.count += cell.count
  sum.sumSeconds += cell.sumSeconds
  for (let i = 0; i < sum.buckets.length; i++) sum.buckets[i]! += cell.buckets[i] ?? 0
}
