/**
 * Spring Cloud LoadBalancer's `zone-preference`: calls stay in the own zone as long as somebody there can answer.
 * Between zones a call costs money and a millisecond; no answer at all would cost more.
 */
import type { ServiceInstance } from '../discovery/discovery-client.ts'
import type { Settings } from '../settings/index.ts'

const PREFIX = 'spring.cloud.loadbalancer'

/** Preferred when `configurations: zone-preference` or a `zone` is set, for one service or for all. */
export function readPreferredZone (settings: Settings, service: string): string | undefined {
  const get = (name: string) => settings.get(`${PREFIX}.clients.${service}.${name}`) ?? settings.get(`${PREFIX}.${name}`)
  const zone = get('zone')
  if (zone !== undefined || get('configurations') !== 'zone-preference') return zone
  return settings.get('eureka.instance.metadata-map.zone') ?? ownAvailabilityZone(settings)
}

/** Where Eureka's own settings say that this process runs: the first zone of its region. */
export function ownAvailabilityZone (settings: Settings): string | undefined {
  const region = settings.string('eureka.client.region', 'us-east-1')
  return settings.list(`eureka.client.availability-zones.${region}`, [])[0]
}

/** As Spring compares them: without regard to case. */
export function isInZone (instance: ServiceInstance, zone: string): boolean {
  return (instance.zone ?? instance.metadata['zone'])?.toLowerCase() === zone.toLowerCase()
}
