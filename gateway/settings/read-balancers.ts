/** `spring.cloud.loadbalancer.*`, and `clients.<name>.*` over it. */
import type { Settings } from '@breakwater/starter/settings'
import type { ByName } from '../options.ts'
import { parseDurationMs } from '../routes/units.ts'
import type { HealthCheckOptions } from '../upstream/health-checks.ts'
import type { BalancerOptions } from '../upstream/picking.ts'

const PREFIX = 'spring.cloud.loadbalancer'

/** How to choose among instances, by service. */
export function readBalancers (settings: Settings): ByName<BalancerOptions> {
  const instances: Record<string, BalancerOptions> = Object.create(null)
  for (const [name, key] of settings.members(`${PREFIX}.clients`)) {
    instances[name.toLowerCase()] = read(settings, [key, PREFIX], name)
  }
  return { default: read(settings, [PREFIX], 'default'), instances }
}

function read (settings: Settings, prefixes: readonly string[], service: string): BalancerOptions {
  const get = (key: string) => prefixes.map(prefix => settings.get(`${prefix}.${key}`)).find(text => text !== undefined)
  const configuration = get('configurations')
  const zone = get('zone') ?? settings.get('eureka.instance.metadata-map.zone')
  const prefersZone = configuration === 'zone-preference' || get('zone') !== undefined
  const sticky = configuration === 'request-based-sticky-session'
  const checks = configuration === 'health-check'
  const options = {
    zone: prefersZone ? zone : undefined,
    // Spring's hint strategy looks at the header always; a client that may not choose should not be able to.
    hintHeader: configuration === 'hint-based' || get('hint-header-name') !== undefined
      ? (get('hint-header-name') ?? 'x-sc-lb-hint').toLowerCase()
      : undefined,
    stickyCookie: sticky ? get('sticky-session.instance-id-cookie-name') ?? 'sc-lb-instance-id' : undefined
  }
  return {
    ...options,
    perRequest: Object.values(options).some(value => value !== undefined),
    healthCheck: checks ? readHealthCheck(get, service) : undefined
  }
}

function readHealthCheck (get: (key: string) => string | undefined, service: string): HealthCheckOptions {
  const path = get(`health-check.path.${service}`) ?? get('health-check.path.default') ?? '/actuator/health'
  return { path, intervalMs: Math.max(1_000, parseDurationMs(get('health-check.interval') ?? '25s') ?? 25_000) }
}
