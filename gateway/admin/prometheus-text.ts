/** The gateway's numbers as Prometheus text, under Spring Cloud Gateway's and Resilience4j's names. */
import { BUCKETS_SECONDS } from '../metrics/cells.ts'
import { statusName } from '../http-status.ts'
import type { BreakerReport, ClusterReport, LimitReport } from '../routes/reports.ts'
import type { DataPlaneMetrics, RequestCell } from '../workers/contract.ts'

export interface GatewayNumbers {
  readonly dataPlane: DataPlaneMetrics
  readonly routes: number
  readonly breakers: readonly BreakerReport[]
  readonly limits: readonly LimitReport[]
  readonly clusters: readonly ClusterReport[]
  /** `spring.cloud.gateway.metrics.prefix` */
  readonly prefix: string
  /** `spring.cloud.gateway.metrics.tags.*` */
  readonly tags: Readonly<Record<string, string>>
}

export function prometheusText (numbers: GatewayNumbers): string {
  const { dataPlane } = numbers
  return [
    ...requestTimer(numbers),
    ...metric(`${underscored(numbers.prefix)}_routes_count`, 'gauge', 'Routes in the table.', [[{}, numbers.routes]]),
    ...Object.entries(dataPlane.counters).flatMap(([name, value]) => metric(name, 'counter', '', [[{}, value]])),
    ...Object.entries(dataPlane.gauges).flatMap(([name, value]) => metric(name, 'gauge', '', [[{}, value]])),
    ...breakerMetrics(numbers.breakers),
    ...limitMetrics(numbers.limits),
    ...clusterMetrics(numbers.clusters)
  ].join('\n') + '\n'
}

type Labels = Readonly<Record<string, string>>

function requestTimer ({ dataPlane, prefix, tags }: GatewayNumbers): string[] {
  const name = `${underscored(prefix)}_requests_seconds`
  const lines = [`# HELP ${name} Requests by route.`, `# TYPE ${name} histogram`]
  for (const cell of dataPlane.requests) lines.push(...histogram(name, cell, { ...requestTags(cell), ...tags }))
  return lines
}

function requestTags (cell: RequestCell): Labels {
  return {
    httpMethod: cell.method,
    httpStatusCode: String(cell.status),
    outcome: outcome(cell.status),
    routeId: cell.routeId,
    routeUri: cell.routeUri,
    status: statusName(cell.status)
  }
}

const OUTCOMES = ['CUSTOM', 'INFORMATIONAL', 'SUCCESSFUL', 'REDIRECTION', 'CLIENT_ERROR', 'SERVER_ERROR']

function outcome (status: number): string {
  return OUTCOMES[Math.floor(status / 100)] ?? 'CUSTOM'
}

function histogram (name: string, cell: RequestCell, labels: Labels): string[] {
  let sum = 0
  const buckets = [...BUCKETS_SECONDS.map(String), '+Inf'].map((le, i) => {
    sum += cell.buckets[i] ?? 0
    return line(`${name}_bucket`, { ...labels, le }, sum)
  })
  return [...buckets, line(`${name}_count`, labels, cell.count), line(`${name}_sum`, labels, cell.sumSeconds)]
}

function breakerMetrics (breakers: readonly BreakerReport[]): string[] {
  const states = ['closed', 'open', 'half_open']
  return [
    ...metric('resilience4j_circuitbreaker_state', 'gauge', '1 for the state it is in.',
      breakers.flatMap(one => states.map(state =>
        [{ name: one.name, state }, one.state.toLowerCase() === state ? 1 : 0] as const))),
    ...metric('resilience4j_circuitbreaker_failure_rate', 'gauge', 'Percent; -1 while too few calls were made.',
      breakers.map(one => [{ name: one.name }, one.failureRate] as const)),
    ...metric('resilience4j_circuitbreaker_buffered_calls', 'gauge', 'Calls in the window.',
      breakers.flatMap(one => [
        [{ kind: 'failed', name: one.name }, one.failures] as const,
        [{ kind: 'successful', name: one.name }, one.calls - one.failures] as const
      ])),
    ...metric('resilience4j_circuitbreaker_slow_calls', 'gauge', 'Slow calls in the window.',
      breakers.map(one => [{ name: one.name }, one.slow] as const))
  ]
}

function limitMetrics (limits: readonly LimitReport[]): string[] {
  const each = (value: (one: LimitReport) => number) =>
    limits.map(one => [{ kind: one.kind, name: one.name }, value(one)] as const)
  return [
    ...metric('resilience4j_bulkhead_max_allowed_concurrent_calls', 'gauge', 'Calls allowed at once; found out where adaptive.',
      each(one => one.limit)),
    ...metric('resilience4j_bulkhead_available_concurrent_calls', 'gauge', 'Calls that would be let in now.',
      each(one => Math.max(0, one.limit - one.active))),
    ...metric('breakwater_gateway_bulkhead_refused_total', 'counter', 'Calls refused because too many were in flight.',
      each(one => one.refused))
  ]
}

function clusterMetrics (clusters: readonly ClusterReport[]): string[] {
  const instances = clusters.flatMap(cluster => cluster.instances.map(one => ({ ...one, service: cluster.name })))
  const totals = grouped(clusters.map(one => [{ service: one.name }, one.requests] as const))
  const retries = new Map(grouped(clusters.map(one => [{ service: one.name }, one.retries] as const))
    .map(([labels, value]) => [labels['service'], value]))
  return [
    ...metric('breakwater_gateway_instance_active', 'gauge', 'Requests in flight.',
      grouped(instances.map(one => [{ service: one.service, instance: one.id }, one.active] as const))),
    ...metric('breakwater_gateway_instance_ejected', 'gauge', 'Workers that leave the instance out.',
      grouped(instances.map(one => [{ service: one.service, instance: one.id },
        one.ejection === undefined ? 0 : 1] as const))),
    ...metric('gateway_retry_ratio', 'gauge', 'Retries by requests since the start.',
      totals.map(([labels, all]) => [labels, all === 0 ? 0 : (retries.get(labels['service']) ?? 0) / all] as const)),
    ...metric('gateway_retries_total', 'counter', 'Tries beyond the first.',
      grouped(clusters.map(one => [{ service: one.name }, one.retries] as const))),
    ...metric('gateway_retries_refused_total', 'counter', 'Retries that the budget did not allow.',
      grouped(clusters.map(one => [{ service: one.name }, one.retriesRefused] as const)))
  ]
}

type Sample = readonly [labels: Labels, value: number]

/** Adds up what several workers say of the same thing. */
function grouped (samples: readonly Sample[]): Sample[] {
  const found = new Map<string, Sample>()
  for (const [labels, value] of samples) {
    const key = JSON.stringify(labels)
    found.set(key, [labels, value + (found.get(key)?.[1] ?? 0)])
  }
  return [...found.values()]
}

function metric (name: string, type: string, help: string, samples: readonly Sample[]): string[] {
  if (samples.length === 0) return []
  const head = help === '' ? [] : [`# HELP ${name} ${help}`]
  return [...head, `# TYPE ${name} ${type}`, ...samples.map(([labels, value]) => line(name, labels, value))]
}

function line (name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`
}

function escaped (text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function underscored (name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9]/g, '_')
}
