import { readDestinations, readServerTls } from '@breakwater/starter/security'
import type { Settings } from '@breakwater/starter/settings'
import type { RateLimitOptions } from './eureka/rate-limit.ts'
import { DEFAULTS, type DiscoveryOptions } from './options.ts'
import type { RegionOptions } from './regions/remote-region.ts'

/** The options that the settings give, under Spring's names where Spring has one. */
export function optionsFrom (settings: Settings): DiscoveryOptions {
  const server = (name: string): string => `eureka.server.${name}`
  const own = (name: string): string => `breakwater.discovery.${name}`
  return {
    host: settings.string('server.address', DEFAULTS.host),
    port: settings.integer('server.port', DEFAULTS.port),
    contextPath: contextPath(settings),
    selfPreservation: settings.boolean(server('enable-self-preservation'), DEFAULTS.selfPreservation),
    renewalThreshold: settings.number(server('renewal-percent-threshold'), DEFAULTS.renewalThreshold),
    preservationFloor: settings.integer(own('preservation-floor'), DEFAULTS.preservationFloor),
    evictionIntervalMs: settings.integer(server('eviction-interval-timer-in-ms'), DEFAULTS.evictionIntervalMs),
    deltaRetentionMs: settings.integer(server('retention-time-in-m-s-in-delta-queue'), DEFAULTS.deltaRetentionMs),
    disableDelta: settings.boolean(server('disable-delta'), DEFAULTS.disableDelta),
    syncWhenTimestampDiffers:
      settings.boolean(server('sync-when-timestamp-differs'), DEFAULTS.syncWhenTimestampDiffers),
    strictStatusCodes: settings.boolean(own('strict-status-codes'), DEFAULTS.strictStatusCodes),
    leaseBugCompatible: settings.boolean(own('lease-bug-compatible'), DEFAULTS.leaseBugCompatible),
    maxInstances: settings.integer(own('max-instances'), DEFAULTS.maxInstances),
    maxSubscribers: settings.integer(own('max-subscribers'), DEFAULTS.maxSubscribers),
    maxBodyBytes: settings.bytes(own('max-body-size'), DEFAULTS.maxBodyBytes),
    maxBatchBytes: settings.bytes(own('max-batch-size'), DEFAULTS.maxBatchBytes),
    pushGapMs: settings.durationMs(own('push-gap'), DEFAULTS.pushGapMs),
    peerUrls: peerUrls(settings),
    myUrl: settings.get(server('my-url')),
    ownHosts: ownHosts(settings),
    peerTimeoutMs: settings.integer(server('peer-node-read-timeout-ms'), DEFAULTS.peerTimeoutMs),
    peerCompression: settings.boolean(server('enable-replicated-request-compression'), DEFAULTS.peerCompression),
    syncRetries: settings.integer(server('registry-sync-retries'), DEFAULTS.syncRetries),
    syncRetryMs: settings.integer(server('registry-sync-retry-wait-ms'), DEFAULTS.syncRetryMs),
    minAvailablePeers:
      settings.integer(server('min-available-instances-for-peer-replication'), DEFAULTS.minAvailablePeers),
    openForTrafficCount:
      settings.integer('eureka.instance.registry.default-open-for-traffic-count', DEFAULTS.openForTrafficCount),
    waitWhenEmptyMs: settings.integer(server('wait-time-in-ms-when-sync-empty'), DEFAULTS.waitWhenEmptyMs),
    regions: regions(settings),
    regionIntervalMs: 1000 *
      settings.integer(server('remote-region-registry-fetch-interval'), DEFAULTS.regionIntervalMs / 1000),
    regionTimeoutMs: settings.integer(server('remote-region-read-timeout-ms'), DEFAULTS.regionTimeoutMs),
    regionDelta: !settings.boolean(server('disable-delta-for-remote-regions'), !DEFAULTS.regionDelta),
    regionFallback:
      !settings.boolean(server('disable-transparent-fallback-to-other-region'), !DEFAULTS.regionFallback),
    peerBatchMs: settings.durationMs(own('peer-batch-delay'), DEFAULTS.peerBatchMs),
    peerBatchSize: settings.integer(own('peer-batch-size'), DEFAULTS.peerBatchSize),
    peerQueueMax: settings.integer(server('max-elements-in-peer-replication-pool'), DEFAULTS.peerQueueMax),
    peerCancelKeepMs: settings.integer(server('max-time-for-replication'), DEFAULTS.peerCancelKeepMs),
    peerTokenFile: settings.get(own('peer-token-file')),
    tls: readServerTls(settings),
    destinations: readDestinations(settings),
    rateLimit: rateLimit(settings),
    snapshotFile: settings.get(own('snapshot-file')),
    snapshotIntervalMs: settings.durationMs(own('snapshot-interval'), DEFAULTS.snapshotIntervalMs),
    checks: settings.boolean(own('checks-enabled'), DEFAULTS.checks),
    dashboard: settings.boolean('eureka.dashboard.enabled', DEFAULTS.dashboard),
    dashboardPath: settings.string('eureka.dashboard.path', DEFAULTS.dashboardPath),
    environment: settings.string('eureka.environment', DEFAULTS.environment),
    datacenter: settings.string('eureka.datacenter', DEFAULTS.datacenter)
  }
}

/** Spring's root may be written as a slash. */
function contextPath (settings: Settings): string {
  const path = settings.string('server.servlet.context-path', DEFAULTS.contextPath)
  return path === '/' ? '' : path
}

function rateLimit (settings: Settings): RateLimitOptions {
  const key = (name: string): string => `eureka.server.rate-limiter-${name}`
  const { rateLimit: defaults } = DEFAULTS
  return {
    enabled: settings.boolean(key('enabled'), defaults.enabled),
    burst: settings.integer(key('burst-size'), defaults.burst),
    fetchesPerSec: settings.number(key('registry-fetch-average-rate'), defaults.fetchesPerSec),
    fullPerSec: settings.number(key('full-fetch-average-rate'), defaults.fullPerSec),
    throttleStandard: settings.boolean(key('throttle-standard-clients'), defaults.throttleStandard),
    privileged: settings.list(key('privileged-clients'))
  }
}

/** `remote-region-urls-with-name.<region>`, with a list of applications of its own or that of `global`. */
function regions (settings: Settings): RegionOptions[] {
  const apps = (region: string): string[] | undefined => {
    const list = settings.list(`eureka.server.remote-region-app-whitelist.${region}`)
    return list.length === 0 ? undefined : list.map(app => app.toUpperCase())
  }
  return Object.entries(settings.map('eureka.server.remote-region-urls-with-name'))
    .map(([region, url]) => ({ name: region.toLowerCase(), url, apps: apps(region) ?? apps('global') }))
}

/** A Spring registry finds its peers where its own client would register: in the zones' service URLs. */
export function peerUrls (settings: Settings): string[] {
  const urls = Object.values(settings.map('eureka.client.service-url'))
  // A variable adds its own spelling of a zone that a file has in another.
  return [...new Set(urls.flatMap(list => list.split(',')).map(url => url.trim()).filter(url => url !== ''))]
}

function ownHosts (settings: Settings): string[] {
  return [settings.get('eureka.instance.hostname'), settings.get('eureka.instance.ip-address')]
    .filter(host => host !== undefined)
}
