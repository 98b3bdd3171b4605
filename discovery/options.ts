import { DESTINATION_DEFAULTS, type DestinationRules, type ServerTls } from '@breakwater/starter/security'
import { discoveryError } from './errors.ts'
import type { RateLimitOptions } from './eureka/rate-limit.ts'
import type { RegionOptions } from './regions/remote-region.ts'

/** How the registry is run. Every field has a default; `createDiscovery({})` is a working registry. */
export interface DiscoveryOptions {
  /** Address to listen on. @default '127.0.0.1' */
  readonly host: string
  /** Port to listen on; 0 takes a free one. @default 8761 */
  readonly port: number

  /** What all paths begin with; empty: nothing. @default '' */
  readonly contextPath: string

  /** Whether mass failures stop evictions. @default true */
  readonly selfPreservation: boolean
  /** The share of promised renewals below which nothing expires, above 0 up to 1. @default 0.85 */
  readonly renewalThreshold: number
  /** Registries with fewer instances are never protected; 0 protects every one, as Eureka does. @default 10 */
  readonly preservationFloor: number
  /** How often leases are looked at. A crash is noticed after the lease and at most this long. @default 1000 */
  readonly evictionIntervalMs: number
  /** How far back Eureka's delta reaches. @default 180000 */
  readonly deltaRetentionMs: number
  /** Whether `apps/delta` answers 403, which makes clients fetch everything. @default false */
  readonly disableDelta: boolean
  /** Whether a renewal with another timestamp than ours asks for a new registration. @default true */
  readonly syncWhenTimestampDiffers: boolean
  /** Whether a query that makes no sense is answered with 500, as Eureka does, instead of 400. @default false */
  readonly strictStatusCodes: boolean
  /** Whether a renewed lease lasts twice its duration, as Eureka's does. @default false */
  readonly leaseBugCompatible: boolean

  /** More instances than this are refused with 503. @default 100000 */
  readonly maxInstances: number
  /** More readers of the push stream than this are refused with 503. @default 10000 */
  readonly maxSubscribers: number
  /** Largest body of a registration, unpacked. @default 1048576 */
  readonly maxBodyBytes: number
  /** Largest body of a peer's batch (250 whole instances), unpacked. @default 33554432 */
  readonly maxBatchBytes: number
  /** Least time between two rounds of pushing; bursts within it cost one write a reader. @default 5 */
  readonly pushGapMs: number

  /** Base URLs of all registries of the cluster, this one may be among them. @default [] */
  readonly peerUrls: readonly string[]
  /** This registry's own URL among them, when its host name and port do not tell. @default undefined */
  readonly myUrl: string | undefined
  /** More names by which peers call this host. @default [] */
  readonly ownHosts: readonly string[]
  /** The deadline of a call to a peer. @default 5000 */
  readonly peerTimeoutMs: number
  /** Whether batches are sent packed; Spring's own server refuses that. @default false */
  readonly peerCompression: boolean
  /** How often a start that found no list at any peer asks again, while it serves already. @default 5 */
  readonly syncRetries: number
  /** How long it waits in between. @default 30000 */
  readonly syncRetryMs: number
  /** How long a change waits for others to go to a peer with it. @default 500 */
  readonly peerBatchMs: number
  /** How many peers must be available for the status page to say healthy; -1: it does not say. @default -1 */
  readonly minAvailablePeers: number
  /**
   * With how many clients a registry counts that found none at its peers. Other than 0: it answers at once, empty as it
   * is. 0: it answers no lists for `waitWhenEmptyMs`, or until a peer has a list. @default 1
   */
  readonly openForTrafficCount: number
  /** For how long a registry that may not start empty waits. @default 300000 */
  readonly waitWhenEmptyMs: number

  /** Registries of other regions, whose instances are served on request. @default [] */
  readonly regions: readonly RegionOptions[]
  /** How often they are fetched. @default 30000 */
  readonly regionIntervalMs: number
  /** The deadline of such a fetch. @default 5000 */
  readonly regionTimeoutMs: number
  /** Whether deltas are fetched from them. @default true */
  readonly regionDelta: boolean
  /** Whether an application that is absent here is taken from another region unasked. @default true */
  readonly regionFallback: boolean

  /** How many changes go to a peer at once. @default 250 */
  readonly peerBatchSize: number
  /** More changes than this do not wait for a peer; the oldest are dropped. @default 10000 */
  readonly peerQueueMax: number
  /** A cancellation that could not be told to a peer for this long is dropped. @default 30000 */
  readonly peerCancelKeepMs: number

  /** A file whose content is the bearer token for peers whose URL has no credentials. @default undefined */
  readonly peerTokenFile: string | undefined

  /** Certificate and key as PEM texts, with which HTTPS is spoken; undefined: HTTP. @default undefined */
  readonly tls: ServerTls | undefined
  /** Where health checks may go. @default nowhere that is denied */
  readonly destinations: DestinationRules
  /** Eureka's limits of fetches. @default off */
  readonly rateLimit: RateLimitOptions

  /** Where the registry is kept over a restart; undefined: nowhere. @default undefined */
  readonly snapshotFile: string | undefined
  /** Least time between two writes of it. @default 5000 */
  readonly snapshotIntervalMs: number

  /** Whether instances may ask, by their metadata, to have their health check called. @default true */
  readonly checks: boolean

  /** Whether the page at `dashboardPath` is served. @default true */
  readonly dashboard: boolean
  /** @default '/' */
  readonly dashboardPath: string
  /** Shown on the page. @default 'test' */
  readonly environment: string
  /** Shown on the page. @default 'default' */
  readonly datacenter: string
}

export const DEFAULTS: DiscoveryOptions = Object.freeze({
  host: '127.0.0.1',
  port: 8761,
  contextPath: '',
  selfPreservation: true,
  renewalThreshold: 0.85,
  preservationFloor: 10,
  evictionIntervalMs: 1000,
  deltaRetentionMs: 180_000,
  disableDelta: false,
  syncWhenTimestampDiffers: true,
  strictStatusCodes: false,
  leaseBugCompatible: false,
  maxInstances: 100_000,
  maxSubscribers: 10_000,
  maxBodyBytes: 1024 * 1024,
  maxBatchBytes: 32 * 1024 * 1024,
  pushGapMs: 5,
  peerUrls: [],
  myUrl: undefined,
  ownHosts: [],
  peerTimeoutMs: 5000,
  peerCompression: false,
  syncRetries: 5,
  syncRetryMs: 30_000,
  minAvailablePeers: -1,
  openForTrafficCount: 1,
  waitWhenEmptyMs: 300_000,
  regions: [],
  regionIntervalMs: 30_000,
  regionTimeoutMs: 5000,
  regionDelta: true,
  regionFallback: true,
  peerBatchMs: 500,
  peerBatchSize: 250,
  peerQueueMax: 10_000,
  peerCancelKeepMs: 30_000,
  peerTokenFile: undefined,
  tls: undefined,
  destinations: DESTINATION_DEFAULTS,
  rateLimit: Object.freeze({
    enabled: false, burst: 10, fetchesPerSec: 500, fullPerSec: 100, throttleStandard: false, privileged: []
  }),
  snapshotFile: undefined,
  snapshotIntervalMs: 5000,
  checks: true,
  dashboard: true,
  dashboardPath: '/',
  environment: 'test',
  datacenter: 'default'
})

/** A list is kept for each set of regions that somebody asks for, so their number is bounded. */
const MAX_REGIONS = 6

/** Fills in the defaults and refuses what cannot be. */
export function readOptions (given: Partial<DiscoveryOptions>): DiscoveryOptions {
  const options = { ...DEFAULTS, ...given }
  check('server.port', options.port, options.port >= 0 && options.port <= 65535, 'a port from 0 to 65535')
  check('eureka.server.renewal-percent-threshold', options.renewalThreshold,
    options.renewalThreshold > 0 && options.renewalThreshold <= 1, 'above 0 and at most 1')
  check('eureka.server.eviction-interval-timer-in-ms', options.evictionIntervalMs,
    options.evictionIntervalMs >= 10, 'at least 10 milliseconds')
  check('eureka.server.remote-region-urls-with-name', options.regions.length,
    options.regions.length <= MAX_REGIONS, `at most ${MAX_REGIONS} regions`)
  check('server.servlet.context-path', options.contextPath,
    options.contextPath === '' || /^\/[^/?#](?:[^?#]*[^/?#])?$/.test(options.contextPath), 'empty, or a path such as /registry')
  check('eureka.dashboard.path', options.dashboardPath, options.dashboardPath.startsWith('/'), 'a path beginning with /')
  for (const [name, value] of [
    ['eureka.server.peer-node-read-timeout-ms', options.peerTimeoutMs],
    ['eureka.server.remote-region-read-timeout-ms', options.regionTimeoutMs],
    ['eureka.server.remote-region-registry-fetch-interval', options.regionIntervalMs],
    ['eureka.server.max-elements-in-peer-replication-pool', options.peerQueueMax],
    ['breakwater.discovery.max-instances', options.maxInstances],
    ['breakwater.discovery.peer-batch-size', options.peerBatchSize]
  ] as const) check(name, value, value >= 1, 'at least 1')
  return Object.freeze(options)
}

function check (name: string, value: unknown, holds: boolean, expected: string): void {
  if (!holds) throw discoveryError('E_DISCOVERY_OPTION', [name, expected, value])
}
