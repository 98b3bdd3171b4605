/**
 * Spring's settings that every process may be given: which of them are honoured, and what became of those that are not.
 * Whoever moves an `application.yml` over learns of every line that changes nothing; sections that are none of ours are
 * not looked at.
 */
import { checkKeys, nearestKey } from './settings/index.ts'
import type { Settings } from './settings/index.ts'

const CLIENT = ['service-url.*', 'enabled', 'register-with-eureka', 'fetch-registry', 'registry-fetch-interval-seconds',
  'cache-refresh-executor-exponential-back-off-bound', 'eureka-server-connect-timeout-seconds', 'disable-delta',
  'eureka-server-read-timeout-seconds', 'should-unregister-on-shutdown', 'region', 'availability-zones.*',
  'availability-zones.*[*]']

const INSTANCE = ['appname', 'app-group-name', 'instance-id', 'hostname', 'ip-address', 'prefer-ip-address', 'metadata-map.**',
  'initial-status', 'lease-renewal-interval-in-seconds', 'lease-expiration-duration-in-seconds', 'virtual-host-name',
  'secure-virtual-host-name', 'non-secure-port', 'non-secure-port-enabled', 'secure-port', 'secure-port-enabled',
  'home-page-url-path', 'status-page-url-path', 'health-check-url-path', 'registry.**']

/** By module of Resilience4j, what each of its instances and configurations may say. */
export const RESILIENCE: Readonly<Record<string, readonly string[]>> = {
  circuitbreaker: ['sliding-window-type', 'sliding-window-size', 'minimum-number-of-calls', 'failure-rate-threshold',
    'slow-call-rate-threshold', 'slow-call-duration-threshold', 'wait-duration-in-open-state',
    'permitted-number-of-calls-in-half-open-state'],
  timelimiter: ['timeout-duration'],
  retry: ['max-attempts'],
  bulkhead: ['max-concurrent-calls']
}

const BALANCER = ['zone', 'configurations']

const KNOWN = [
  ...CLIENT.map(name => `eureka.client.${name}`),
  ...INSTANCE.map(name => `eureka.instance.${name}`),
  ...Object.entries(RESILIENCE).flatMap(([module, names]) => names.flatMap(name =>
    [`resilience4j.${module}.instances.*.${name}`, `resilience4j.${module}.configs.default.${name}`])),
  ...BALANCER.flatMap(name => [`spring.cloud.loadbalancer.${name}`, `spring.cloud.loadbalancer.clients.*.${name}`])
]

const NO_POOLS = 'there are no threads to pool'
const AT_ONCE = 'a service registers as soon as it listens, and a changed status is told at once'
const BY_STATUS = 'statuses of 500 and more (not 501) and missing answers are failures'
const PUSHED = 'instances are as new as the registry\'s last word, nothing is cached'
const OTLP = 'spans go to OTEL_EXPORTER_OTLP_ENDPOINT'
const OWN_TLS = 'use breakwater.discovery.tls.ca-file, .cert-file and .key-file'

const IDLE: Readonly<Record<string, string>> = {
  'eureka.client.initial-instance-info-replication-interval-seconds': AT_ONCE,
  'eureka.client.instance-info-replication-interval-seconds': AT_ONCE,
  'eureka.client.on-demand-update-status-change': AT_ONCE,
  'eureka.client.should-enforce-registration-at-init': 'a service works without its registry, and registers when it can',
  'eureka.client.should-enforce-fetch-registry-at-init': 'use breakwater.discovery.start-timeout: how long a start waits',
  'eureka.client.healthcheck.enabled': 'the registry hears UP from ready to stop; readiness is for probes',
  'eureka.client.heartbeat-executor-thread-pool-size': NO_POOLS,
  'eureka.client.cache-refresh-executor-thread-pool-size': NO_POOLS,
  'eureka.client.heartbeat-executor-exponential-back-off-bound': 'a lost registry is asked again after 5 s at the latest',
  'eureka.client.filter-only-up-instances': 'instances that are not UP are known, and never called',
  'eureka.client.prefer-same-zone-eureka': 'registries are tried in the order of service-url.defaultZone',
  'eureka.client.registry-refresh-single-vip-address': 'use breakwater.discovery.apps',
  'eureka.client.fetch-remote-regions-registry': 'the registry has it: eureka.server.remote-region-urls-with-name',
  'eureka.client.g-zip-content': 'lists are always asked for packed',
  'eureka.client.client-data-accept': 'lists are always asked for whole',
  'eureka.client.tls.**': OWN_TLS,
  'eureka.instance.home-page-url': 'use eureka.instance.home-page-url-path',
  'eureka.instance.status-page-url': 'use eureka.instance.status-page-url-path',
  'eureka.instance.health-check-url': 'use eureka.instance.health-check-url-path',
  'eureka.instance.secure-health-check-url': 'use eureka.instance.health-check-url-path',
  'eureka.instance.app-group-name': 'use eureka.instance.metadata-map',
  'resilience4j.circuitbreaker.*.*.record-exceptions[*]': BY_STATUS,
  'resilience4j.circuitbreaker.*.*.ignore-exceptions[*]': BY_STATUS,
  'resilience4j.circuitbreaker.*.*.record-failure-predicate': BY_STATUS,
  'resilience4j.circuitbreaker.*.*.automatic-transition-from-open-to-half-open-enabled': 'it always does',
  'resilience4j.circuitbreaker.*.*.register-health-indicator': 'see resilience4j_circuitbreaker_state in the metrics',
  'resilience4j.circuitbreaker.*.*.event-consumer-buffer-size': 'changes of state are in the log',
  'resilience4j.retry.*.*.wait-duration': 'a retry goes to another instance, at once',
  'resilience4j.retry.*.*.enable-exponential-backoff': 'a retry goes to another instance, at once',
  'resilience4j.retry.*.*.exponential-backoff-multiplier': 'a retry goes to another instance, at once',
  'resilience4j.retry.*.*.retry-exceptions[*]': 'what is safe to repeat is: see "Calling others" in docs/starter.md',
  'resilience4j.bulkhead.*.*.max-wait-duration': 'a call beyond the limit is refused at once',
  'resilience4j.thread-pool-bulkhead.**': 'use resilience4j.bulkhead.instances.X.max-concurrent-calls',
  'resilience4j.timelimiter.*.*.cancel-running-future': 'a call beyond its time is always ended',
  'resilience4j.ratelimiter.**': 'the gateway limits rates: its filter RequestRateLimiter',
  'spring.cloud.loadbalancer.retry.**': 'use resilience4j.retry.instances.X.max-attempts',
  'spring.cloud.loadbalancer.cache.**': PUSHED,
  'spring.cloud.loadbalancer.health-check.**': 'who refuses a connection or fails five times in a row is left alone',
  'spring.cloud.loadbalancer.eager-load.**': PUSHED,
  'server.compression.**': 'bodies travel as they are; compress where clients arrive, in front of the gateway',
  'server.forward-headers-strategy': 'who may say who the client is: spring.cloud.gateway.server.webflux.trusted-proxies',
  'spring.zipkin.**': OTLP,
  'spring.sleuth.**': OTLP,
  'management.zipkin.**': OTLP,
  'feign.**': 'calls of others by name: "Calling others" in docs/starter.md, breakwater.client.* and resilience4j.*',
  'spring.cloud.openfeign.**': 'calls of others by name: "Calling others" in docs/starter.md, breakwater.client.* and resilience4j.*',
  'ribbon.**': 'use spring.cloud.loadbalancer.* and resilience4j.*',
  'hystrix.**': 'use resilience4j.circuitbreaker.* and resilience4j.timelimiter.*',
  'zuul.**': 'use spring.cloud.gateway.server.webflux.*',
  'turbine.**': 'the gateway tells of all its breakers at /actuator/hystrix.stream'
}

const SHARED = ['eureka.client', 'eureka.instance', 'resilience4j', 'spring.cloud.loadbalancer']

/** Modules of Spring Cloud, ours or not: what is next to one of them and none is a slip. */
const MODULES = ['gateway', 'loadbalancer', 'consul', 'config', 'discovery', 'kubernetes', 'openfeign', 'circuitbreaker', 'bus',
  'stream', 'function', 'service-registry', 'inetutils', 'vault', 'zookeeper', 'task', 'contract', 'bootstrap', 'refresh',
  'compatibility-verifier', 'util', 'netflix', 'client', 'sleuth', 'hypermedia', 'features', 'decrypt-environment-post-processor']

/** A sentence for each of Spring's settings that changes nothing in this process; `known` has what it alone honours. */
export function unusedSpringKeys (settings: Settings, known: readonly string[] = []): string[] {
  const rules = { owned: [], shared: SHARED, known: [...KNOWN, ...known], idle: IDLE }
  return [...checkKeys(settings, rules), ...misspelledModules(settings)]
}

/** `spring.cloud.gatway.routes` would be a gateway without routes, and not a word. */
function misspelledModules (settings: Settings): string[] {
  const keys = settings.keys('spring.cloud')
  const modules = new Map(keys.map(key => [/^spring\.cloud\.([\w-]+)/.exec(key)?.[1] ?? '', key]))
  return [...modules].flatMap(([module, key]) => {
    const near = MODULES.includes(module) ? undefined : nearestKey(module, MODULES)
    return near === undefined ? [] : [`${key} (${settings.origin(key) ?? 'settings'}) has no effect: did you mean spring.cloud.${near.key}?`]
  })
}
