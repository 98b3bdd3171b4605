/** /actuator for a server that is not made by `service()`. */
export { actuator, countRequests } from './actuator.ts'
export type { ActuatorRole, Authorize } from './access.ts'
export { Availability, type Health, type HealthIndicator, type HealthStatus } from './health.ts'
export type { ActuatorOptions } from './options.ts'
export { RequestMetrics } from './request-metrics.ts'
