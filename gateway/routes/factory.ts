/** What a predicate or filter factory is: a shape of arguments, and a function run once per route and swap. */
import type { AdaptiveLimitOptions } from '../upstream/adaptive-limit.ts'
import type { Breaker, Bulkhead, HedgePolicy, RetryPolicy } from '../upstream/upstream.ts'
import type { Exchange } from '../exchange.ts'
import type { Args, ArgsShape } from './args.ts'
import type { Filter, Predicate, RouteDefinition } from './route.ts'
import type { CompileContext } from './context.ts'

/** A route in the making: filters that are policies (CircuitBreaker, Retry, ...) leave them here. */
export interface RouteDraft {
  readonly id: string
  readonly definition: RouteDefinition
  /** A predicate or filter of it, or a default filter, is a plugin's. */
  readonly hasPlugins: boolean
  /** Names that this route's predicates can set, for templates. */
  readonly variables: Set<string>
  /** Literal beginnings of the Path patterns, and exact hosts, for the index; null: not restricted. */
  pathPrefixes: readonly string[] | null
  hosts: readonly string[] | null
  breaker: Breaker | undefined
  fallback: ((x: Exchange) => string) | undefined
  failureStatuses: ReadonlySet<number> | null
  retry: RetryPolicy | undefined
  hedge: HedgePolicy | undefined
  bulkhead: Bulkhead | undefined
  /** Asked for by AdaptiveConcurrency. */
  adaptive: AdaptiveLimitOptions | undefined
  connectTimeoutMs: number
  responseTimeoutMs: number
  totalTimeoutMs: number
  maxRequestBytes: number
}

export interface PredicateFactory extends ArgsShape {
  create (args: Args, draft: RouteDraft, context: CompileContext): Predicate
}

export interface FilterFactory extends ArgsShape {
  /** `order` is where the filter stands on this route, unless the filter has a fixed place of its own. */
  create (args: Args, draft: RouteDraft, context: CompileContext, order: number): Filter
}
