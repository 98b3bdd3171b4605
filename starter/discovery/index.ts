/** Who is there, and telling it of oneself. */
export type {
  DiscoveryClient, InstancesListener, InstanceStatus, OwnAddress, Registration, ServiceInstance
} from './discovery-client.ts'
export { createDiscoveryClient, createRegistration, discoveryKind, type DiscoveryAdapter } from './factory.ts'
export { ownAddress } from '../http/ports.ts'
