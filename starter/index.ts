/** What a service, and each of the platform's own servers, imports. */
export { BreakwaterError, errorTable, type ErrorDetails, type ErrorSpec } from './errors.ts'
export { createLogger, type Logger, type LoggerOptions } from './logger.ts'
export { runMain, type MainArgs, type MainOptions, type Running } from './main.ts'
export { parseCommandLine, type CommandLine } from './command-line.ts'

export { actuator, countRequests } from './actuator/actuator.ts'
export { isCrossSite, type ActuatorRole, type Authorize } from './actuator/access.ts'
export { Availability, type Health, type HealthIndicator, type HealthStatus } from './actuator/health.ts'
export type { ActuatorOptions } from './actuator/options.ts'
export { RequestMetrics } from './actuator/request-metrics.ts'

export type {
  DiscoveryClient, InstancesListener, InstanceStatus, Registration, ServiceInstance
} from './discovery/discovery-client.ts'
export { createDiscoveryClient, createRegistration, discoveryKind, type DiscoveryAdapter } from './discovery/factory.ts'
export { createKubernetesDiscovery } from './discovery/kubernetes.ts'
export type { OwnAddress } from './discovery/eureka/own-instance.ts'
export { ownAddress } from './http/ports.ts'

export { createAuthenticator, type Authenticate, type Authenticator, type RoleHook } from './security/authenticator.ts'
export { may, type Principal, type Role } from './security/principal.ts'

export { currentContext, runInContext, type RequestContext } from './trace/context.ts'
export { createIdSource, type IdSource } from './trace/random-ids.ts'
export { formatTraceParent, parseTraceParent, type TraceParent } from './trace/traceparent.ts'

export { service, type ServiceApp, type ServiceOptions, type ServiceParts } from './service.ts'
export { ServiceClient, type CallOptions, type CallRequest } from './client/client.ts'
export type { ServiceResponse } from './client/response.ts'
export { createSpanExporter, type SpanExporter } from './trace/exporter.ts'
export type { Span, SpanSink } from './trace/spans.ts'
export { DEADLINE_HEADER, REQUEST_ID_HEADER } from './trace/request-trace.ts'
export { connectConsul, describeConsul, readConsulConnection, type ConsulConnection } from './consul/connection.ts'
