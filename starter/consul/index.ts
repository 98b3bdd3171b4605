/** What speaks to Consul: connections by the settings, and services followed over few of them. */
export { connectConsul, consulError, describeConsul, readConsulConnection } from './connection.ts'
export type { ConsulConnection, ConsulTls } from './connection.ts'
export { ConsulReader } from './reader.ts'
export { ServiceFollower } from './service-follower.ts'
export type { ServiceFollowerOptions } from './service-follower.ts'
