/**
 * Spring's settings of the gateway under any of its prefixes: `spring.cloud.gateway.server.webflux` (4.3 and 5),
 * `spring.cloud.gateway` (before), and the bare `gateway`. The first prefix that has a key wins.
 */
import { discoveryKind } from '@breakwater/starter/discovery'
import type { Settings } from '@breakwater/starter/settings'
import { RESILIENCE, unusedSpringKeys as unusedInAnyProcess } from '@breakwater/starter/spring-keys'
import { error } from '../errors.ts'
import { canonical } from '../routes/args.ts'
import type { NamedArgs, RouteDefinition } from '../routes/route.ts'
import { readFilters, readPredicates, readRoutes } from '../routes/definitions.ts'
import { didYouMean } from '../routes/nearest-name.ts'

export const PREFIXES: readonly string[] = ['spring.cloud.gateway.server.webflux', 'spring.cloud.gateway', 'gateway']

export class GatewaySettings {
  readonly settings: Settings

  constructor (settings: Settings) {
    this.settings = settings
  }

  /** The full key that is set, or undefined. */
  key (key: string): string | undefined {
    return PREFIXES.map(prefix => `${prefix}.${key}`)
      .find(full => this.settings.get(full) !== undefined || this.settings.keys(full).length > 0)
  }

  text (key: string): string | undefined {
    const full = this.key(key)
    return full === undefined ? undefined : this.settings.get(full)
  }

  boolean (key: string, fallback: boolean): boolean {
    const full = this.key(key)
    return full === undefined ? fallback : this.settings.boolean(full)
  }

  integer (key: string, fallback: number): number {
    const full = this.key(key)
    return full === undefined ? fallback : this.settings.integer(full)
  }

  durationMs (key: string, fallbackMs: number): number {
    const full = this.key(key)
    return full === undefined ? fallbackMs : this.settings.durationMs(full)
  }

  texts (key: string): Record<string, string> {
    const full = this.key(key)
    return full === undefined ? {} : this.settings.map(full)
  }

  list (key: string): string[] {
    const full = this.key(key)
    return full === undefined ? [] : this.settings.list(full)
  }

  tree (key: string): unknown {
    const full = this.key(key)
    return full === undefined ? undefined : this.settings.tree(full)
  }

  /** All definitions, or every fault in them; a faulty one is left out when `failFast` is false. */
  routes (failFast: boolean, warn: (fault: unknown) => void): RouteDefinition[] {
    const full = this.key('routes')
    if (full === undefined) return []
    const results = readRoutes(this.settings.tree(full, 'keep'), full, key => this.#origin(key))
    const faults = results.flatMap(result => 'fault' in result ? [result.fault] : [])
    if (failFast && faults.length > 0) throw faults.length === 1 ? faults[0] : new AggregateError(faults, faults.map(String).join('\n'))
    faults.forEach(warn)
    return results.flatMap(result => 'definition' in result ? [result.definition] : [])
  }

  filters (key: string): NamedArgs[] {
    const full = this.key(key)
    return full === undefined ? [] : readFilters(this.settings.tree(full, 'keep'), full, one => this.#origin(one))
  }

  predicates (key: string): NamedArgs[] {
    const full = this.key(key)
    return full === undefined ? [] : readPredicates(this.settings.tree(full, 'keep'), full, one => this.#origin(one))
  }

  /** Names below a key, as written: `predicate` of `predicate.weight.enabled`. */
  names (key: string): string[] {
    const full = this.key(key)
    return full === undefined ? [] : Object.keys(this.settings.tree(full) as object)
  }

  /** The origin of a key or of the first one below it. */
  #origin (key: string): string | undefined {
    const own = this.settings.origin(key)
    if (own !== undefined) return own
    const first = this.settings.keys(key)[0]
    return first === undefined ? undefined : this.settings.origin(first)
  }
}

/** What of Spring's section is used here; anything else is named once, because it has no effect. */
const SPRING_KEYS = ['routes.*', 'default-filters.*', 'fail-on-route-definition-error', 'trusted-proxies', 'httpclient.connect-timeout',
  'httpclient.response-timeout', 'httpclient.pool.*', 'httpclient.ssl.use-insecure-trust-manager', 'httpclient.ssl.handshake-timeout',
  'httpclient.ssl.trusted-x509-certificates.*', 'globalcors.*', 'discovery.locator.*', 'x-forwarded.*', 'forwarded.enabled', 'forwarded.by.enabled', 'metrics.*', 'filter.*', 'predicate.*', 'set-status.*',
  'redis-rate-limiter.*', 'enabled']

/** Where Spring's gateway on servlets has its routes, and had them. */
const OF_SERVLETS = ['spring.cloud.gateway.server.webmvc', 'spring.cloud.gateway.mvc']

/** A sentence for each key of Spring's gateway that we do not have, and one for its sister's. */
export function unusedSpringKeys (settings: Settings): string[] {
  const unused = settings.keys('spring.cloud.gateway').filter(key => {
    const name = key.replace(/^spring\.cloud\.gateway\.(?:server\.webflux\.)?/, '')
    return !SPRING_KEYS.some(known => matchesKey(name, known))
  })
  const ofServlets = (key: string) => OF_SERVLETS.find(prefix => key.startsWith(`${prefix}.`))
  const where = (key: string) => settings.origin(key) ?? 'settings'
  const sister = unused.find(ofServlets)
  return [
    ...unused.filter(key => ofServlets(key) === undefined).map(key => `${where(key)}: ${key} is Spring's, but has no effect here`),
    ...sister === undefined ? [] : [`${where(sister)}: ${ofServlets(sister)}.* is for Spring's gateway on servlets and has no effect ` +
      'here: routes of the same form are read from spring.cloud.gateway.server.webflux.routes']
  ]
}

/** What only a gateway's breakers know. */
const OF_BREAKERS = ['max-wait-duration-in-half-open-state', 'record-exceptions', 'record-exceptions[*]', 'ignore-exceptions',
  'ignore-exceptions[*]']
const BALANCER = ['hint-header-name', 'sticky-session.**', 'health-check.path.*', 'health-check.interval']

/** What a gateway honours of the sections that every process may have, beyond what a service does. */
const SHARED_KEYS: readonly string[] = [
  ...['circuitbreaker', 'timelimiter', 'bulkhead'].flatMap(module =>
    [...RESILIENCE[module] ?? [], ...(module === 'circuitbreaker' ? OF_BREAKERS : []), 'base-config'].flatMap(name =>
      ['instances', 'configs'].map(kind => `resilience4j.${module}.${kind}.*.${name}`))),
  ...BALANCER.flatMap(name => [`spring.cloud.loadbalancer.${name}`, `spring.cloud.loadbalancer.clients.*.${name}`])
]

/** A sentence for each of those that changes nothing in a gateway. */
export function unusedSharedKeys (settings: Settings): string[] {
  const [retry] = settings.keys('resilience4j.retry')
  return [
    ...unusedInAnyProcess(settings, SHARED_KEYS),
    ...(retry === undefined ? [] : [`${settings.origin(retry) ?? 'settings'}: resilience4j.retry has no effect in a gateway: ` +
      'the filter Retry has its own arguments, and breakwater.gateway.retry-budget bounds all tries'])
  ]
}

/** Spring has a client for each jar; here the profile decides, and settings of others do nothing. */
export function unusedDiscoveryKeys (settings: Settings): string[] {
  const kind = discoveryKind(settings)
  const [key] = settings.keys('spring.cloud.consul')
  if (key === undefined || kind === 'consul') return []
  return [`${settings.origin(key) ?? 'settings'}: spring.cloud.consul has no effect, instances come from ${kind}: ` +
    'the profile "consul" or breakwater.discovery.client=consul asks Consul']
}

/** `known` may end in `.*`; brackets of lists and odd keys do not count. */
function matchesKey (name: string, known: string): boolean {
  const plain = canonical(name.replaceAll(/\[\d+\]/g, '').replaceAll(/\[([^\]]*)\]/g, '.$1'))
  const wanted = canonical(known)
  return wanted.endsWith('.*') ? plain === wanted.slice(0, -2) || plain.startsWith(wanted.slice(0, -1)) : plain === wanted
}

/** An unknown key in the section that is ours is a slip of the pen: it stops the start. */
export function checkOwnKeys (settings: Settings, known: readonly string[]): void {
  const prefix = 'breakwater.gateway'
  for (const key of settings.keys(prefix)) {
    const name = key.slice(prefix.length + 1)
    if (known.some(one => matchesKey(name, one))) continue
    throw error('E_GATEWAY_KEY', [key, didYouMean(name, known)], { where: settings.origin(key) })
  }
}
