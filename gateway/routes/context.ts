/** What factories are given at compile time: plain options, clocks, and the parts that outlive a table. */
import type { RoutingOptions } from '../options.ts'
import type { Bulkheads } from '../upstream/bulkhead.ts'
import type { BreakerRegistry } from '../upstream/breaker-registry.ts'
import type { ClusterRegistry } from '../upstream/cluster-registry.ts'
import type { RateLimiters } from '../rate-limit/rate-limiters.ts'
import type { LoopCache } from '../cache/loop-cache.ts'
import type { WorkerHost } from '../workers/contract.ts'
import type { Plugins } from './plugins.ts'
import type { WeightGroups } from './weights.ts'

export interface CompileContext {
  readonly options: RoutingOptions
  readonly host: WorkerHost
  /** Says what is written but has no effect; once, not by each event loop. */
  readonly warn: (message: string) => void
  /** Epoch milliseconds, for dates in predicates. */
  readonly wallClock: () => number
  readonly clusters: ClusterRegistry
  readonly breakers: BreakerRegistry
  readonly bulkheads: Bulkheads
  readonly plugins: Plugins
  readonly limiters: RateLimiters
  readonly responseCache: LoopCache
  /** Of the table being made. */
  readonly weights: WeightGroups
}
