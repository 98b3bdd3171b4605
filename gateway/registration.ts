/**
 * The gateway in the registry, so that dashboards and other gateways see it. Only where a registry is named: a file of
 * fixed routes must not make it call for one.
 */
import { createRegistration, type Registration } from '@breakwater/starter/discovery'
import type { Logger } from '@breakwater/starter/logger'
import type { Settings } from '@breakwater/starter/settings'

/** `url` and `management` as this gateway listens. Undefined when it has nobody to register with. */
export async function gatewayRegistration (
  settings: Settings, log: Logger, url: string, managementPort: number
): Promise<Registration | undefined> {
  if (settings.get('eureka.client.service-url.defaultZone') === undefined) return undefined
  const { hostname, port, protocol } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  return await createRegistration(settings, log, {
    host, ip: host, port: Number(port), secure: protocol === 'https:', managementPort
  })
}
