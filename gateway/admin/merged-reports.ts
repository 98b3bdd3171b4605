/**
 * What several event loops say of the same breaker, service or request, as one: an operator asks about the gateway, not
 * about a thread of it.
 */
import type { Explained, ExplainedBreaker, ExplainedConcurrency, ExplainedInstance } from '../routes/explain.ts'
import type { BreakerReport, ClusterReport, InstanceReport } from '../routes/reports.ts'
import type { BreakerState } from '../upstream/breaker.ts'
import { addStatistics } from '../upstream/rolling-statistics.ts'

/** Open when any loop's is. */
export function mergedBreakers (reports: readonly BreakerReport[]): BreakerReport[] {
  return merged(reports, one => one.name, (a, b) => ({
    ...a,
    state: worse(a.state, b.state),
    failureRate: Math.max(a.failureRate, b.failureRate),
    calls: a.calls + b.calls,
    failures: a.failures + b.failures,
    slow: a.slow + b.slow,
    limit: a.limit + b.limit,
    active: a.active + b.active,
    statistics: addStatistics(a.statistics, b.statistics)
  }))
}

export function mergedClusters (reports: readonly ClusterReport[]): ClusterReport[] {
  return merged(reports, one => one.name, (a, b) => ({
    ...a,
    instances: merged([...a.instances, ...b.instances], one => one.id, mergedInstance),
    requests: a.requests + b.requests,
    retries: a.retries + b.retries,
    retriesRefused: a.retriesRefused + b.retriesRefused
  }))
}

/** Left out when any loop leaves it out; `eligible` when any may pick it. */
function mergedInstance (a: InstanceReport, b: InstanceReport): InstanceReport {
  return {
    ...a,
    active: a.active + b.active,
    eligible: a.eligible || b.eligible,
    ejection: a.ejection ?? b.ejection,
    ejectedForMs: Math.max(a.ejectedForMs, b.ejectedForMs),
    ejectedBy: a.ejectedBy + b.ejectedBy,
    ejections: Math.max(a.ejections, b.ejections),
    consecutiveFailures: Math.max(a.consecutiveFailures, b.consecutiveFailures)
  }
}

/** All loops have the same routes; a weighted one may have drawn another, and then says nothing of this one. */
export function mergedExplanations (answers: readonly Explained[]): Explained | undefined {
  const [first] = answers
  if (first?.match === undefined || first.match === null) return first
  const { match } = first
  const same = answers.flatMap(one => one.match?.routeId === match.routeId ? [one.match] : [])
  return {
    ...first,
    eventLoops: answers.length,
    match: {
      ...match,
      instances: merged(same.flatMap(one => one.instances), one => one.id, mergedExplained),
      breaker: same.map(one => one.breaker).reduce(joinedBreaker),
      concurrency: same.map(one => one.concurrency).reduce(joinedConcurrency)
    }
  }
}

function mergedExplained (a: ExplainedInstance, b: ExplainedInstance): ExplainedInstance {
  const { leftOut = b.leftOut, note = b.note } = a
  return {
    ...a,
    active: a.active + b.active,
    candidate: a.candidate || b.candidate,
    ...leftOut === undefined ? {} : { leftOut },
    ...note === undefined ? {} : { note }
  }
}

function joinedBreaker (a: ExplainedBreaker | null, b: ExplainedBreaker | null): ExplainedBreaker | null {
  if (a === null || b === null) return a ?? b
  const worst = worse(a.state, b.state) === a.state ? a : b
  const sum = (key: 'calls' | 'failures' | 'slow') => a.window[key] + b.window[key]
  return {
    ...worst,
    failureRate: Math.max(a.failureRate, b.failureRate),
    window: { calls: sum('calls'), failures: sum('failures'), slow: sum('slow') }
  }
}

function joinedConcurrency (a: ExplainedConcurrency | null,
  b: ExplainedConcurrency | null): ExplainedConcurrency | null {
  if (a === null || b === null) return a ?? b
  return {
    ...a,
    limit: a.limit + b.limit,
    active: a.active + b.active,
    refused: a.refused + b.refused,
    would: a.would === b.would ? a.would : 'let it pass on some event loops'
  }
}

function worse (a: BreakerState, b: BreakerState): BreakerState {
  return [a, b].includes('OPEN') ? 'OPEN' : [a, b].includes('HALF_OPEN') ? 'HALF_OPEN' : 'CLOSED'
}

function merged<T> (list: readonly T[], keyOf: (one: T) => string, join: (a: T, b: T) => T): T[] {
  const found = new Map<string, T>()
  for (const one of list) {
    const known = found.get(keyOf(one))
    found.set(keyOf(one), known === undefined ? one : join(known, one))
  }
  return [...found.values()]
}
