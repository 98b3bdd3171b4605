/**
 * Counters of finished requests: plain numbers found without building a key, rendered only when somebody asks.
 * prom-client's own histogram costs more per request than the whole parsing of it.
 */
import type { RequestCell } from '../workers/contract.ts'
import type { Route } from '../routes/route.ts'

export const BUCKETS_SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10
]

/** Routes come and go, their counters stay; from here on new ones share one row. */
const MAX_CELLS = 20_000
const OVERFLOW_ROUTE = 'other'

interface Cell extends RequestCell {
  readonly buckets: number[]
}

export class RequestCells {
  private readonly byRoute = new Map<string, Map<number, Cell>>()
  private size = 0

  /** One request of `route` has ended after `elapsedMs`. */
  add (route: Route, methodIndex: number, method: string, status: number, elapsedMs: number): void {
    const key = methodIndex * 1000 + status
    const cell = this.byRoute.get(route.id)?.get(key) ?? this.create(route, key, method, status)
    const seconds = elapsedMs / 1000
    cell.count++
    cell.sumSeconds += seconds
    let bucket = 0
    while (bucket < BUCKETS_SECONDS.length && seconds > BUCKETS_SECONDS[bucket]!) bucket++
    cell.buckets[bucket]!++
  }

  private create (route: Route, key: number, method: string, status: number): Cell {
    const full = this.size >= MAX_CELLS
    const routeId = full ? OVERFLOW_ROUTE : route.id
    const cells = this.byRoute.get(routeId) ?? new Map<number, Cell>()
    this.byRoute.set(routeId, cells)
    const known = cells.get(key)
    if (known !== undefined) return known
    const buckets: number[] = Array.from({ length: BUCKETS_SECONDS.length + 1 }, () => 0)
    const routeUri = full ? '' : route.definition.uri
    const cell: Cell = { routeId, routeUri, method, status, count: 0, sumSeconds: 0, buckets }
    cells.set(key, cell)
    this.size++
    return cell
  }

  /** All cells as they are now; copies are for the caller to make. */
  list (): RequestCell[] {
    return [...this.byRoute.values()].flatMap((cells) => [...cells.values()])
  }
}
