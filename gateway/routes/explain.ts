/**
 * "What would become of this request?": asked of the live table, with nothing sent. Every route that the index would
 * have tried, which of its predicates held, the filters of the one that won, its candidates and its breaker.
 */
import type { BreakerState } from '../upstream/breaker-cells.ts'
import type { BreakerRegistry } from '../upstream/breaker-registry.ts'
import type { AnyBulkhead } from '../upstream/bulkhead.ts'
import type { ClusterState } from '../upstream/cluster.ts'
import type { Route } from './route.ts'
import { ProbeExchange } from './probe-exchange.ts'
import type { IndexedTable } from './table.ts'

export interface ExplainQuestion {
  readonly method: string
  /** Path and query, or a whole URL. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly remoteAddress?: string
}

/** The answer of one event loop: plain data, ready for JSON. */
export interface Explained {
  readonly request: object
  readonly eventLoops: number
  readonly routesInTable: number
  readonly routesAsked: readonly object[]
  readonly match: ExplainedMatch | null
}

export interface ExplainedMatch {
  readonly routeId: string
  readonly uri: string
  readonly variables: object
  readonly filters: readonly string[]
  readonly instances: readonly ExplainedInstance[]
  readonly breaker: ExplainedBreaker | null
  readonly concurrency: ExplainedConcurrency | null
  /** When a second try is sent; 0: it is not known yet what takes long. */
  readonly hedge: { readonly afterMs: number } | null
  readonly timeouts: object
}

export interface ExplainedInstance {
  readonly id: string
  readonly address: string
  readonly zone: string | undefined
  readonly active: number
  readonly candidate: boolean
  readonly leftOut?: string
  readonly note?: string
}

export interface ExplainedBreaker {
  readonly name: string
  readonly state: BreakerState
  readonly would: string
  readonly failureRate: number
  readonly window: Readonly<{ calls: number, failures: number, slow: number }>
  readonly fallback: boolean
}

export interface ExplainedConcurrency {
  readonly kind: 'fixed' | 'adaptive'
  readonly limit: number
  readonly active: number
  readonly refused: number
  readonly would: string
}

const MAX_ROUTES = 50

export function explain (question: ExplainQuestion, table: IndexedTable, breakers: BreakerRegistry,
  nowMs: number): Explained {
  const x = new ProbeExchange(question, nowMs)
  // First, because it draws for weights: what the predicates say afterwards is of the same draw.
  const route = table.match(x)
  const match = route === undefined ? null : described(route, x, breakers)
  const candidates = table.candidates(x)
  const routes = candidates.slice(0, MAX_ROUTES).map(route => ({
    routeId: route.id,
    order: route.definition.order,
    origin: route.definition.origin,
    predicates: route.predicates.map(predicate => {
      const holds = predicate.test(x)
      return { predicate: predicate.toString(), holds }
    })
  }))
  return {
    request: { method: x.method, path: x.rawPath, query: x.rawQuery, host: x.host },
    eventLoops: 1,
    routesInTable: table.routes.length,
    routesAsked: routes,
    match
  }
}

function described (route: Route, x: ProbeExchange, breakers: BreakerRegistry): ExplainedMatch {
  return {
    routeId: route.id,
    uri: route.definition.uri,
    variables: x.variables ?? {},
    filters: route.filters.map(filter => `[${filter.toString()}, order = ${filter.order}]`),
    instances: route.target.kind === 'cluster' ? instances(route.target.cluster as ClusterState, x.startedMs) : [],
    breaker: breakerOf(route, breakers),
    concurrency: concurrencyOf(route),
    hedge: route.hedge === undefined ? null : { afterMs: route.hedge.delayMs(x.startedMs) },
    timeouts: { connectMs: route.connectTimeoutMs, responseMs: route.responseTimeoutMs, totalMs: route.totalTimeoutMs }
  }
}

function instances (cluster: ClusterState, nowMs: number): ExplainedInstance[] {
  const out = cluster.instances.filter(one => one.ejection !== undefined).length
  return cluster.instances.map(one => ({
    id: one.id,
    address: one.authority,
    zone: one.zone,
    active: one.active,
    candidate: cluster.eligible.includes(one),
    ...one.ejection === undefined ? {} : { leftOut: `${one.ejection}, ${Math.round(one.ejectedUntilMs - nowMs)} ms more` },
    ...one.ejection !== undefined && cluster.eligible.includes(one)
      ? { note: `picked all the same: ${out} of ${cluster.instances.length} are out, which is beyond the panic threshold` }
      : {}
  }))
}

function concurrencyOf (route: Route): ExplainedConcurrency | null {
  const bulkhead = route.bulkhead as AnyBulkhead | undefined
  if (bulkhead === undefined) return null
  const { kind, limit, active, refused } = bulkhead
  return { kind, limit, active, refused, would: active < limit ? 'let it pass' : 'refuse it' }
}

function breakerOf (route: Route, breakers: BreakerRegistry): ExplainedBreaker | null {
  const breaker = route.breaker === undefined ? undefined : breakers.get(route.breaker.name)
  if (breaker === undefined) return null
  const would = { CLOSED: 'let it pass', HALF_OPEN: 'let it pass as a probe while permits last', OPEN: 'refuse it' }
  return {
    name: breaker.name,
    state: breaker.state,
    would: would[breaker.state],
    failureRate: breaker.failureRate,
    window: breaker.totals,
    fallback: route.fallback !== undefined
  }
}
