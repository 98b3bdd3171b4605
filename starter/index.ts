export { BreakwaterError, errorTable, type ErrorDetails, type ErrorSpec } from './errors.ts'
export type {
  DiscoveryClient, InstancesListener, InstanceStatus, Registration, ServiceInstance
} from './discovery/discovery-client.ts'
