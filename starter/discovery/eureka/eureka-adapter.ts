/** A Eureka registry as a source of instances, and as the place to register at. */
import type { DiscoveryAdapter } from '../factory.ts'
import { EurekaDiscoveryClient } from './eureka-client.ts'
import { readEurekaOptions } from './eureka-options.ts'
import { EurekaRegistration } from './eureka-registration.ts'
import { readOwnInstance } from './own-instance.ts'

/** What `breakwater.discovery.client: eureka` makes. */
export const eurekaAdapter: DiscoveryAdapter = {
  client: (settings, log) => new EurekaDiscoveryClient(readEurekaOptions(settings), log),
  register: (settings, log, address) => {
    if (!settings.boolean('eureka.client.register-with-eureka', true)) return undefined
    const unregisterOnStop = settings.boolean('eureka.client.should-unregister-on-shutdown', true)
    const options = { ...readEurekaOptions(settings), unregisterOnStop }
    return new EurekaRegistration(readOwnInstance(settings, address), options, log)
  }
}
