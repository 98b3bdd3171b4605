/** Consul as a source of instances, and as the place to register at. */
import { readConsulConnection } from '../../consul/connection.ts'
import type { DiscoveryAdapter } from '../factory.ts'
import { ConsulDiscoveryClient } from './consul-client.ts'
import { ConsulRegistration, readConsulRegistration } from './consul-registration.ts'

/** What `breakwater.discovery.client: consul` makes. */
export const consulAdapter: DiscoveryAdapter = {
  client: (settings, log) => new ConsulDiscoveryClient({
    connection: readConsulConnection(settings),
    startTimeoutMs: settings.durationMs('breakwater.discovery.start-timeout', 3_000)
  }, log),
  register: (settings, log, address) => {
    if (!settings.boolean('spring.cloud.consul.discovery.register', true)) return undefined
    return new ConsulRegistration(readConsulRegistration(settings, readConsulConnection(settings), address), log)
  }
}
