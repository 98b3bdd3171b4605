import type { Settings } from '@breakwater/starter/settings'
import { DEFAULTS, type DiscoveryOptions } from './options.ts'

/** The options that the settings give, under Spring's names where Spring has one. */
export function optionsFrom (settings: Settings): DiscoveryOptions {
  const server = (name: string): string => `eureka.server.${name}`
  const own = (name: string): string => `breakwater.discovery.${name}`
  return {
    host: settings.string('server.address', DEFAULTS.host),
    port: settings.integer('server.port', DEFAULTS.port),
    selfPreservation: settings.boolean(server('enable-self-preservation'), DEFAULTS.selfPreservation),
    renewalThreshold: settings.number(server('renewal-percent-threshold'), DEFAULTS.renewalThreshold),
    preservationFloor: settings.integer(own('preservation-floor'), DEFAULTS.preservationFloor),
    evictionIntervalMs: settings.integer(server('eviction-interval-timer-in-ms'), DEFAULTS.evictionIntervalMs),
    deltaRetentionMs: settings.integer(server('retention-time-in-m-s-in-delta-queue'), DEFAULTS.deltaRetentionMs),
    disableDelta: settings.boolean(server('disable-delta'), DEFAULTS.disableDelta),
    syncWhenTimestampDiffers:
      settings.boolean(server('sync-when-timestamp-differs'), DEFAULTS.syncWhenTimestampDiffers),
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
    peerBatchMs: settings.durationMs(own('peer-batch-delay'), DEFAULTS.peerBatchMs),
    peerBatchSize: settings.integer(own('peer-batch-size'), DEFAULTS.peerBatchSize),
    peerQueueMax: settings.integer(server('max-elements-in-peer-replication-pool'), DEFAULTS.peerQueueMax),
    peerCancelKeepMs: settings.integer(server('max-time-for-replication'), DEFAULTS.peerCancelKeepMs),
    snapshotFile: settings.get(own('snapshot-file')),
    snapshotIntervalMs: settings.durationMs(own('snapshot-interval'), DEFAULTS.snapshotIntervalMs),
    dashboard: settings.boolean('eureka.dashboard.enabled', DEFAULTS.dashboard),
    dashboardPath: settings.string('eureka.dashboard.path', DEFAULTS.dashboardPath),
    environment: settings.string('eureka.environment', DEFAULTS.environment),
    datacenter: settings.string('eureka.datacenter', DEFAULTS.datacenter)
  }
}

/** A Spring registry finds its peers where its own client would register: in the zones' service URLs. */
function peerUrls (settings: Settings): string[] {
  const urls = Object.values(settings.map('eureka.client.service-url'))
  return urls.flatMap(list => list.split(',')).map(url => url.trim()).filter(url => url !== '')
}

function ownHosts (settings: Settings): string[] {
  return [settings.get('eureka.instance.hostname'), settings.get('eureka.instance.ip-address')]
    .filter(host => host !== undefined)
}
