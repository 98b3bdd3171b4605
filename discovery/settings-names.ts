import { checkKeys, type Settings } from '@breakwater/starter/settings'

/**
 * Settings of a Spring server that change nothing here, each with the reason, so that whoever moves a file over
 * learns what became of every line.
 */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  'eureka.server.response-cache-update-interval-ms': 'answers are never older than the last change',
  'eureka.server.response-cache-auto-expiration-in-seconds': 'answers are never older than the last change',
  'eureka.server.use-read-only-response-cache': 'answers are never older than the last change',
  'eureka.server.delta-retention-timer-interval-in-ms': 'what is too old for the delta is left out to the millisecond',
  'eureka.server.renewal-threshold-update-interval-ms': 'the threshold is worked out whenever it is needed',
  'eureka.server.expected-client-renewal-interval-seconds': 'each lease counts with its own interval',
  'eureka.server.peer-eureka-nodes-update-interval-ms': 'a changed list of peers is used when the settings are refreshed',
  'eureka.server.peer-node-connect-timeout-ms': 'peer-node-read-timeout-ms covers the whole call',
  'eureka.server.peer-node-total-connections': 'a peer is told by one connection',
  'eureka.server.peer-node-total-connections-per-host': 'a peer is told by one connection',
  'eureka.server.peer-node-connection-idle-timeout-seconds': 'a peer is told by one connection',
  'eureka.server.max-threads-for-peer-replication': 'a peer is told one batch after the other, which keeps the order',
  'eureka.server.number-of-replication-retries': 'it has none in the original either',
  'eureka.server.log-identity-headers': 'changes are logged with who made them',
  'eureka.server.remote-region-urls': 'a region needs a name: remote-region-urls-with-name',
  'eureka.server.remote-region-connect-timeout-ms': 'remote-region-read-timeout-ms covers the whole call',
  'eureka.server.remote-region-total-connections': 'a region is asked by one connection',
  'eureka.server.remote-region-total-connections-per-host': 'a region is asked by one connection',
  'eureka.server.remote-region-connection-idle-timeout-seconds': 'a region is asked by one connection',
  'eureka.server.remote-region-fetch-thread-pool-size': 'a region is asked by one connection',
  'eureka.server.remote-region-trust-store': 'server.ssl.trust-certificate says who is trusted',
  'eureka.server.remote-region-trust-store-password': 'server.ssl.trust-certificate says who is trusted',
  'eureka.server.g-zip-content-from-remote-region': 'packed lists are always asked for',
  'eureka.server.json-codec-name': 'there is one codec of each kind',
  'eureka.server.xml-codec-name': 'there is one codec of each kind',
  'eureka.instance.registry.expected-number-of-clients-sending-renews': 'leases are counted, not expected'
}

/** Keys below `breakwater.discovery` that a service's own client reads; both may stand in one shared file. */
const OF_THE_CLIENT = ['client', 'push', 'apps[*]', 'start-timeout', 'token', 'token-file', 'tls.**']

const OWN = ['backend', 'preservation-floor', 'lease-bug-compatible', 'strict-status-codes', 'max-instances', 'max-subscribers', 'max-body-size',
  'max-batch-size', 'push-gap', 'peer-batch-delay', 'peer-batch-size', 'peer-token-file', 'snapshot-file',
  'snapshot-interval', 'checks-enabled']

const OF_SPRING = ['enable-self-preservation', 'renewal-percent-threshold', 'eviction-interval-timer-in-ms',
  'retention-time-in-m-s-in-delta-queue', 'disable-delta', 'sync-when-timestamp-differs', 'my-url',
  'registry-sync-retries', 'registry-sync-retry-wait-ms', 'peer-node-read-timeout-ms',
  'max-elements-in-peer-replication-pool', 'max-time-for-replication', 'enable-replicated-request-compression',
  'rate-limiter-enabled', 'rate-limiter-burst-size', 'rate-limiter-registry-fetch-average-rate',
  'rate-limiter-full-fetch-average-rate', 'rate-limiter-throttle-standard-clients',
  'rate-limiter-privileged-clients[*]', 'wait-time-in-ms-when-sync-empty',
  'min-available-instances-for-peer-replication', 'remote-region-urls-with-name.**', 'remote-region-app-whitelist.**',
  'remote-region-registry-fetch-interval', 'remote-region-read-timeout-ms',
  'disable-delta-for-remote-regions', 'disable-transparent-fallback-to-other-region']

const KNOWN = [
  ...[...OWN, ...OF_THE_CLIENT].map(name => `breakwater.discovery.${name}`),
  ...OF_SPRING.map(name => `eureka.server.${name}`)
]

/** Throws for misspelled settings of our own; returns a sentence for each one of Spring's that changes nothing. */
export function checkNames (settings: Settings): string[] {
  return checkKeys(settings, {
    owned: ['breakwater.discovery'], shared: ['eureka.server'], known: KNOWN, idle: WITHOUT_EFFECT
  })
}
