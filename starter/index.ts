/**
 * What a service imports. A server that needs a part only imports that part (`@breakwater/starter/discovery`, see
 * `exports` in package.json): this file loads everything a service has, the client of other services included.
 */
export { BreakwaterError, errorTable, type ErrorDetails, type ErrorSpec } from './errors.ts'
export { createLogger, type Logger, type LoggerOptions } from './logger.ts'
export { runMain, type MainArgs, type MainOptions, type Running } from './main.ts'
export { parseCommandLine, type CommandLine } from './command-line.ts'

export * from './actuator/index.ts'
export * from './discovery/index.ts'
export * from './security/index.ts'

export { currentContext, runInContext, type RequestContext } from './trace/context.ts'
export { createIdSource, type IdSource } from './trace/random-ids.ts'
export { formatTraceParent, parseTraceParent, type TraceParent } from './trace/traceparent.ts'

export { breakwater } from './join/fastify-plugin.ts'
export type { JoinOptions } from './join/joiner.ts'
export { join, type Joined } from './join/join.ts'
export type { MemberOptions, MemberParts } from './member.ts'
export { service, type ServiceApp, type ServiceOptions, type ServiceParts } from './service.ts'
export { sendTagged } from './http/entity-tag.ts'
export { ServiceClient, type CallOptions, type CallRequest } from './client/client.ts'
export type { ServiceResponse } from './client/response.ts'
export { createSpanExporter } from './trace/create-exporter.ts'
export type { SpanExporter } from './trace/exporter.ts'
export type { Span, SpanSink } from './trace/spans.ts'
export { DEADLINE_HEADER, REQUEST_ID_HEADER } from './trace/request-trace.ts'
