/** The gateway as a library: start one, or write predicates, filters, key resolvers and handlers for it. */
export { startGateway, type GatewayParts, type RunningGateway } from './start.ts'
export type { Exchange, ExchangeFailure, FailureKind, Reply, Variables } from './exchange.ts'
export type { BodyTransform, Filter, NamedArgs, Predicate, Route, RouteDefinition } from './routes/route.ts'
export type { FilterFactory, PredicateFactory, RouteDraft } from './routes/factory.ts'
export type { KeyResolver, Plugin } from './routes/plugins.ts'
export type { ClientCertificate } from './security/client-certificate.ts'
export type { LocalHandler } from './workers/contract.ts'
