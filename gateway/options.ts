/**
 * What the gateway can be told, as plain data: it crosses to the workers with every snapshot.
 *
 * Settings are Spring's where Spring has them; ours live under `breakwater.gateway.*`. `settings/read-options.ts`
 * makes these values from an application.yml.
 */
import { DATA_PLANE_DEFAULTS, type DataPlaneOptions } from './data-plane-options.ts'
import type { NamedArgs } from './routes/route.ts'
import { BALANCER_DEFAULTS, type BalancerOptions } from './upstream/picking.ts'
import { BREAKER_DEFAULTS, type BreakerSettingsTable } from './upstream/breaker-settings.ts'
import { OUTLIER_DEFAULTS, type OutlierOptions } from './upstream/outlier.ts'
import { RETRY_BUDGET_DEFAULTS, type RetryBudgetOptions } from './upstream/retry-budget.ts'

/** `spring.webflux.apiversion.use.*`: where a request says which version it wants. */
export interface ApiVersionSource {
  readonly header?: string
  readonly queryParameter?: string
  readonly mediaTypeParameter?: string
  readonly pathSegment?: number
}

/** A number for all names, and for some of them another. */
export interface ByName<T> {
  readonly default: T
  readonly instances: Readonly<Record<string, T>>
}

/** A static answer for `forward:/path`, from `breakwater.gateway.fallbacks`. */
export interface StaticAnswer {
  readonly path: string
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** What compiling routes needs to know. */
export interface RoutingOptions {
  /** `spring.webflux.base-path`, put in front of every Path pattern. */
  readonly basePath: string
  /** `predicate.host.include-port`; undefined: a pattern that names a port compares it, others do not. */
  readonly hostIncludesPort: boolean | undefined
  /** False: a route with a fault is left out with a warning instead of stopping the start. */
  readonly failOnRouteDefinitionError: boolean
  readonly disabledPredicates: readonly string[]
  readonly disabledFilters: readonly string[]
  /** `set-status.original-status-header-name` */
  readonly originalStatusHeader: string | undefined
  readonly apiVersion: ApiVersionSource
  /** 0 = the data plane's own. */
  readonly connectTimeoutMs: number
  /** Request sent to response head; 0 = none, as Spring's. */
  readonly responseTimeoutMs: number
  /** All tries together; 0 = none. */
  readonly totalTimeoutMs: number
  /** 0 = no limit. */
  readonly maxRequestBytes: number
  readonly breakers: BreakerSettingsTable
  /** `resilience4j.timelimiter`: 0 = none (Spring's hidden second does not exist here). */
  readonly timeLimiters: ByName<number>
  /** `resilience4j.bulkhead` maxConcurrentCalls; 0 = none. */
  readonly bulkheads: ByName<number>
  readonly outlier: OutlierOptions
  readonly balancers: ByName<BalancerOptions>
  readonly retryBudget: RetryBudgetOptions
  readonly fallbacks: readonly StaticAnswer[]
  /** Modules, as absolute file URLs, that each worker loads. */
  readonly plugins: readonly string[]
}

export interface ManagementOptions {
  readonly host: string
  readonly port: number
  /** Where routes put in through the admin are kept; undefined: until the process ends. */
  readonly routesFile: string | undefined
  readonly metricsPrefix: string
  readonly metricsTags: Readonly<Record<string, string>>
}

/** `discovery.locator.*`: a route for every service. */
export interface LocatorOptions {
  readonly enabled: boolean
  readonly routeIdPrefix: string
  readonly lowerCaseServiceId: boolean
  readonly includeExpression: string
  readonly urlExpression: string
  readonly predicates: readonly NamedArgs[]
  readonly filters: readonly NamedArgs[]
}

export interface GatewayOptions {
  readonly dataPlane: DataPlaneOptions
  readonly routing: RoutingOptions
  readonly management: ManagementOptions
}

export const ROUTING_DEFAULTS: RoutingOptions = {
  basePath: '',
  hostIncludesPort: undefined,
  failOnRouteDefinitionError: true,
  disabledPredicates: [],
  disabledFilters: ['RequestHeaderToRequestUri'], // lets the client choose the target: SSRF unless wanted
  originalStatusHeader: undefined,
  apiVersion: {},
  connectTimeoutMs: 2_000, // Spring: 30 s, in which a black hole holds every request
  responseTimeoutMs: 0, // none
  totalTimeoutMs: 0, // none
  maxRequestBytes: 0, // no limit
  breakers: { default: BREAKER_DEFAULTS, instances: {} },
  timeLimiters: { default: 0, instances: {} },
  bulkheads: { default: 0, instances: {} },
  outlier: OUTLIER_DEFAULTS,
  balancers: { default: BALANCER_DEFAULTS, instances: {} },
  retryBudget: RETRY_BUDGET_DEFAULTS,
  fallbacks: [],
  plugins: []
}

export const GATEWAY_DEFAULTS: GatewayOptions = {
  dataPlane: DATA_PLANE_DEFAULTS,
  routing: ROUTING_DEFAULTS,
  management: {
    host: '127.0.0.1',
    port: 8081,
    routesFile: undefined,
    metricsPrefix: 'spring.cloud.gateway',
    metricsTags: {}
  }
}
