/**
 * What several event loops say of the same breaker, service or request, as one: an operator asks about the gateway, not
 * about a thread of it.
 */
import type { Explained, ExplainedConcurrency, ExplainedInstance } from '../routes/explain.ts'
import type { BreakerReport, ClusterReport, InstanceReport, LimitReport } from '../routes/reports.ts'
import { addStatistics } from '../upstream/rolling-statistics.ts'

/** The loops share state and window: only the statistics are of each. */
export function mergedBreakers (reports: readonly BreakerReport[]): BreakerReport[] {
  return merged(reports, one => one.name, (a, b) => ({ ...a, statistics: addStatistics(a.statistics, b.statistics) }))
}

/** They share the limit and what is in flight: only what each refused is its own. */
export function mergedLimits (reports: readonly LimitReport[]): LimitReport[] {
  return merged(reports, one => `${one.kind} ${one.name}`, (a, b) => ({ ...a, refused: a.refused + b.refused }))
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

function joinedConcurrency (a: ExplainedConcurrency | null,
  b: ExplainedConcurrency | null): ExplainedConcurrency | null {
  if (a === null || b === null) return a ?? b
  return { ...a, refused: a.refused + b.refused }
}

function merged<T> (list: readonly T[], keyOf: (one: T) => string, join: (a: T, b: T) => T): T[] {
  const found = new Map<string, T>()
  for (const one of list) {
    const known = found.get(keyOf(one))
    found.set(keyOf(one), known === undefined ? one : join(known, one))
  }
  return [...found.values()]
}
