/** Breakers and clusters of one worker as plain data, for metrics, hystrix.stream and explain. */
import type { BreakerRegistry } from '../upstream/breaker-registry.ts'
import type { BreakerState } from '../upstream/breaker-cells.ts'
import type { BreakerSettings } from '../upstream/breaker-settings.ts'
import type { Bulkheads } from '../upstream/bulkhead.ts'
import type { ClusterRegistry } from '../upstream/cluster-registry.ts'
import type { StatisticsSnapshot } from '../upstream/rolling-statistics.ts'

export interface BreakerReport {
  readonly name: string
  readonly state: BreakerState
  readonly failureRate: number
  readonly calls: number
  readonly failures: number
  readonly slow: number
  readonly settings: BreakerSettings
  /** Of the bulkhead in front of it, adaptive or not; 0 = none. */
  readonly limit: number
  readonly active: number
  readonly statistics: StatisticsSnapshot
}

/** A bulkhead, by the name that its routes' breaker has or would have. */
export interface LimitReport {
  readonly name: string
  readonly kind: 'fixed' | 'adaptive'
  readonly limit: number
  readonly active: number
  readonly refused: number
}

export interface InstanceReport {
  readonly id: string
  readonly authority: string
  readonly zone: string | undefined
  readonly active: number
  readonly eligible: boolean
  /** Why it is left out, and for how many ms more. */
  readonly ejection: string | undefined
  readonly ejectedForMs: number
  /** How many event loops leave it out. */
  readonly ejectedBy: number
  readonly ejections: number
  readonly consecutiveFailures: number
}

export interface ClusterReport {
  readonly name: string
  readonly instances: readonly InstanceReport[]
  readonly requests: number
  readonly retries: number
  readonly retriesRefused: number
}

export function breakerReports (breakers: BreakerRegistry, bulkheads: Bulkheads, nowMs: number): BreakerReport[] {
  return [...breakers.all].map(breaker => ({
    name: breaker.name,
    state: breaker.state,
    failureRate: breaker.failureRate,
    ...breaker.totals,
    settings: breaker.settings,
    limit: bulkheads.get(breaker.name)?.limit ?? 0,
    active: bulkheads.get(breaker.name)?.active ?? 0,
    statistics: breaker.statistics.snapshot(nowMs)
  }))
}

export function limitReports (bulkheads: Bulkheads): LimitReport[] {
  return bulkheads.all.map(([name, { kind, limit, active, refused }]) => ({ name, kind, limit, active, refused }))
}

export function clusterReports (clusters: ClusterRegistry, nowMs: number): ClusterReport[] {
  return [...clusters.all].map(cluster => ({
    name: cluster.name,
    instances: cluster.instances.map(one => ({
      id: one.id,
      authority: one.authority,
      zone: one.zone,
      active: one.active,
      eligible: cluster.eligible.includes(one),
      ejection: one.ejection,
      ejectedForMs: Math.max(0, Math.round(one.ejectedUntilMs - nowMs)),
      ejectedBy: one.ejection === undefined ? 0 : 1,
      ejections: one.ejections,
      consecutiveFailures: one.consecutiveFailures
    })),
    requests: cluster.budget.totalRequests,
    retries: cluster.budget.totalRetries,
    retriesRefused: cluster.budget.refused
  }))
}
