import type { Health } from '@breakwater/starter'
import { collectDefaultMetrics, Counter, Gauge, Registry as Metrics } from 'prom-client'
import type { PeerState } from './peers/peer.ts'
import type { Peers } from './peers/peers.ts'
import { STATUSES } from './registry/instance.ts'
import type { Regions } from './regions/regions.ts'
import type { Registry } from './registry.ts'

/**
 * What Prometheus is told. Everything is counted in plain cells where it happens and read here when somebody
 * scrapes, so the paths of requests never touch the metrics library.
 */
export function createMetrics (registry: Registry, peers: Peers, regions: Regions): Metrics {
  const metrics = new Metrics()
  collectDefaultMetrics({ register: metrics })
  instanceMetrics(metrics, registry)
  leaseMetrics(metrics, registry)
  deliveryMetrics(metrics, registry)
  peerMetrics(metrics, peers)
  regionMetrics(metrics, regions)
  return metrics
}

/** For /actuator/health: the registry serves from memory, so it is up as long as it answers. */
export function registryHealth ({ book, hub }: Registry): Health {
  const { active, reason, renewals, needed } = book.preservation()
  const selfPreservation = { active, reason, renewals, needed }
  const counts = { instances: book.size, applications: book.apps.size, subscribers: hub.subscribers }
  return { status: 'UP', details: { ...counts, selfPreservation } }
}

/** Spring's gauge of the same name, by application and status. */
function instanceMetrics (metrics: Metrics, { book }: Registry): void {
  const gauge = new Gauge({
    name: 'eureka_server_instances',
    help: 'Registered instances by application and status',
    labelNames: ['application', 'status'],
    registers: [metrics],
    collect () {
      gauge.reset()
      for (const app of book.apps.values()) {
        for (const { instance } of app.leases.values()) gauge.inc({ application: app.name, status: instance.status })
      }
    }
  })
  const totals = new Gauge({
    name: 'breakwater_discovery_instances',
    help: 'Registered instances by status',
    labelNames: ['status'],
    registers: [metrics],
    collect () { for (const status of STATUSES) totals.set({ status }, book.statuses.count(status)) }
  })
}

function leaseMetrics (metrics: Metrics, { book }: Registry): void {
  counter(metrics, 'renewals_total', 'Renewals of leases', () => book.renewals.total)
  counter(metrics, 'evictions_total', 'Instances removed because their lease ran out', () => book.evictions)
  counter(metrics, 'changes_total', 'Entries of the change log', () => book.log.n)
  gauge(metrics, 'renewals_last_minute', 'Renewals of the last 60 seconds', () => book.preservation().renewals)
  gauge(metrics, 'renewals_needed', 'Renewals a minute below which nothing expires', () => book.preservation().needed)
  gauge(metrics, 'self_preservation_active', '1 while leases do not expire', () => book.preservation().active ? 1 : 0)
}

function deliveryMetrics (metrics: Metrics, { payloads: { counters }, hub }: Registry): void {
  counter(metrics, 'payload_builds_total', 'Lists that were put together', () => counters.builds)
  counter(metrics, 'payload_build_seconds_total', 'Time spent on putting lists together', () => counters.buildMs / 1000)
  gauge(metrics, 'payload_bytes', 'Size of the list that was put together last', () => counters.bytes)
  gauge(metrics, 'stream_subscribers', 'Readers of the push stream and waiting long polls', () => hub.subscribers)
  gauge(metrics, 'stream_lag_changes', 'Changes by which the slowest reader is behind', () => hub.lag)
}

function peerMetrics (metrics: Metrics, peers: Peers): void {
  const each = (name: string, help: string, value: (peer: PeerState) => number): void => {
    const made = new Gauge({
      name: `breakwater_discovery_peer_${name}`,
      help,
      labelNames: ['peer'],
      registers: [metrics],
      collect () {
        made.reset()
        for (const peer of peers.states()) made.set({ peer: peer.url }, value(peer))
      }
    })
  }
  each('available', '1 while the peer can be told', peer => peer.available ? 1 : 0)
  each('agrees', '1 when the last comparison with the peer found no difference', peer =>
    peer.comparison === 'equal' ? 1 : 0)
  each('differing', 'Instances in which the peer differed when it was compared last', peer => peer.differing)
  each('equal_timestamp_seconds', 'When the peer was equal last, in seconds since 1970; 0: not yet', peer =>
    (peer.equalAt ?? 0) / 1000)
  each('queued', 'Changes that wait for the peer', peer => peer.queued)
  each('lag_seconds', 'How long the oldest of them has waited', peer => peer.lagMs / 1000)
  each('sent', 'Changes that the peer was told', peer => peer.sent)
  each('dropped', 'Changes that were dropped', peer => peer.dropped)
  each('failures', 'Batches that failed', peer => peer.failures)
}

function regionMetrics (metrics: Metrics, regions: Regions): void {
  const made = new Gauge({
    name: 'breakwater_discovery_region_instances',
    help: 'Instances of a remote region; absent until it has answered',
    labelNames: ['region'],
    registers: [metrics],
    collect () {
      made.reset()
      for (const { name, isReady, book } of regions.remotes) if (isReady) made.set({ region: name }, book.size)
    }
  })
}

function gauge (metrics: Metrics, name: string, help: string, value: () => number): void {
  const made = new Gauge({
    name: `breakwater_discovery_${name}`, help, registers: [metrics], collect () { made.set(value()) }
  })
}

function counter (metrics: Metrics, name: string, help: string, value: () => number): void {
  const made = new Counter({
    name: `breakwater_discovery_${name}`,
    help,
    registers: [metrics],
    collect () {
      made.reset()
      made.inc(value())
    }
  })
}
