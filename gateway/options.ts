/**
 * What the gateway can be told, as plain data: it crosses to the workers with every snapshot.
 *
 * Settings are Spring's where Spring has them; ours live under `breakwater.gateway.*`. `settings/read-options.ts`
 * makes these values from an application.yml.
 */
import { DATA_PLANE_DEFAULTS, type DataPlaneOptions } from './data-plane-options.ts'
import type { NamedArgs } from './routes/route.ts'
import { IPV6_PREFIX_LENGTH } from './security/networks.ts'
import { ADAPTIVE_DEFAULTS, type AdaptiveLimitOptions } from './upstream/adaptive-limit.ts'
import { BALANCER_DEFAULTS, type BalancerOptions } from './upstream/picking.ts'
import { BREAKER_DEFAULTS, type BreakerSettingsTable } from './upstream/breaker-settings.ts'
import { HEDGE_DEFAULTS, type HedgeOptions } from './upstream/hedge-policy.ts'
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
  /** For routes with the filter AdaptiveConcurrency that say nothing else. */
  readonly adaptive: AdaptiveLimitOptions
  /** For routes with the filter Hedge that say nothing else. */
  readonly hedging: HedgeOptions
  readonly outlier: OutlierOptions
  readonly balancers: ByName<BalancerOptions>
  readonly retryBudget: RetryBudgetOptions
  readonly fallbacks: readonly StaticAnswer[]
  readonly cors: GlobalCors
  readonly secureHeaders: SecureHeadersOptions
  readonly security: SecurityOptions
  readonly rateLimit: RateLimitOptions
  readonly responseCache: ResponseCacheOptions
  /** Modules, as absolute file URLs, that each worker loads. */
  readonly plugins: readonly string[]
}

/** `SecureHeaders` for routes that say nothing of their own. */
export interface SecureHeadersOptions {
  readonly enable: readonly string[]
  readonly disable: readonly string[]
  /** By argument name (`frameOptions`). */
  readonly values: Readonly<Record<string, string>>
}

/** Spring's CorsConfiguration. */
export interface CorsOptions {
  readonly allowedOrigins: readonly string[]
  readonly allowedOriginPatterns: readonly string[]
  /** @default GET and HEAD */
  readonly allowedMethods: readonly string[]
  readonly allowedHeaders: readonly string[]
  readonly exposedHeaders: readonly string[]
  readonly allowCredentials: boolean
  /** Undefined: the browser's own. */
  readonly maxAgeSeconds: number | undefined
}

/** `globalcors`: by path pattern, in order. */
export interface GlobalCors {
  readonly configurations: ReadonlyArray<{ readonly pattern: string, readonly options: CorsOptions }>
  /** `add-to-simple-url-handler-mapping`: preflights are answered even where no route takes OPTIONS. */
  readonly everywhere: boolean
}

/** What `Authenticate` checks against. */
export interface SecurityOptions {
  /** `spring.security.oauth2.resourceserver.jwt.*`; hosts from `breakwater.security.allowed-hosts`. */
  readonly jwt: {
    readonly jwkSetUri: string | undefined
    readonly issuer: string | undefined
    readonly audiences: readonly string[]
    readonly allowedHosts: readonly string[]
  }
  readonly users: ReadonlyArray<{ readonly name: string, readonly password: string,
    readonly scopes: readonly string[] }>
  readonly apiKeys: {
    /** @default x-api-key */
    readonly header: string
    readonly keys: ReadonlyArray<{ readonly name: string, readonly key: string, readonly scopes: readonly string[] }>
  }
}

/** `redis-rate-limiter` and `filter.request-rate-limiter`. */
export interface RateLimitOptions {
  /** `redis://host:port`; undefined: each gateway counts for itself. */
  readonly redisUrl: string | undefined
  readonly denyEmptyKey: boolean
  readonly emptyKeyStatus: number
  readonly includeHeaders: boolean
  readonly replenishRate: number | undefined
  readonly burstCapacity: number | undefined
  readonly requestedTokens: number
  /** Of an IPv6 address, for limits by address. */
  readonly ipv6PrefixLength: number
}

/** `filter.local-response-cache`. */
export interface ResponseCacheOptions {
  /** @default 300000 */
  readonly timeToLiveMs: number
  /** @default 16 MiB, all routes of one worker together. */
  readonly maxBytes: number
  /** @default 1 MiB; larger answers pass uncached. */
  readonly maxEntryBytes: number
  /** For so long after its time an answer may stand in for a service that fails and has not said. @default 0 */
  readonly staleIfErrorMs: number
  /** And may be given while one caller asks for it anew. @default 0 */
  readonly staleWhileRevalidateMs: number
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
  adaptive: ADAPTIVE_DEFAULTS,
  hedging: HEDGE_DEFAULTS,
  outlier: OUTLIER_DEFAULTS,
  balancers: { default: BALANCER_DEFAULTS, instances: {} },
  retryBudget: RETRY_BUDGET_DEFAULTS,
  fallbacks: [],
  cors: { configurations: [], everywhere: false },
  secureHeaders: { enable: [], disable: [], values: {} },
  security: {
    jwt: { jwkSetUri: undefined, issuer: undefined, audiences: [], allowedHosts: [] },
    users: [],
    apiKeys: { header: 'x-api-key', keys: [] }
  },
  rateLimit: {
    redisUrl: undefined,
    denyEmptyKey: true,
    emptyKeyStatus: 403,
    includeHeaders: true,
    replenishRate: undefined,
    burstCapacity: undefined,
    requestedTokens: 1,
    ipv6PrefixLength: IPV6_PREFIX_LENGTH
  },
  responseCache: {
    timeToLiveMs: 300_000, maxBytes: 16_777_216, maxEntryBytes: 1_048_576, staleIfErrorMs: 0, staleWhileRevalidateMs: 0
  },
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
