/** Definitions are plain data (they cross to the workers); routes are what they compile to, once, at swap time. */
import type { Exchange, Reply } from '../exchange.ts'
import type { Breaker, Bulkhead, Cluster, HedgePolicy, RetryPolicy } from '../upstream/upstream.ts'

/** A predicate or filter by name with its arguments: Spring's full form; shortcuts are expanded to it. */
export interface NamedArgs {
  readonly name: string
  /** Flat: lists are `patterns.0`, `patterns.1`; on a null prototype. */
  readonly args: Readonly<Record<string, string>>
  /** Where it was written, for errors: `application.yml:14`. */
  readonly origin?: string
}

export interface RouteDefinition {
  readonly id: string
  readonly uri: string
  readonly order: number
  readonly enabled: boolean
  readonly predicates: readonly NamedArgs[]
  readonly filters: readonly NamedArgs[]
  readonly metadata: Readonly<Record<string, unknown>>
  readonly origin?: string
}

/** True when the request fits. May set `x.variables`. Must not throw; one that does counts as false, logged. */
export interface Predicate {
  readonly name: string
  test (x: Exchange): boolean
  /** Spring's text for /actuator/gateway/routes: `Paths: [/h], match trailing slash: true`. */
  toString (): string
}

/**
 * Whole-body transformation; the data plane buffers up to `maxBytes`, decoded ones too, then answers 413 (request) or
 * 502 (response).
 */
export interface BodyTransform {
  readonly maxBytes: number
  /** Takes the body as it was sent; any other is given it decoded (gzip, deflate, br). @default false */
  readonly asSent?: boolean
  /** Asked when the response head is known; false leaves the body alone. Default: always wanted. */
  wants? (x: Exchange): boolean
  transform (x: Exchange, body: Buffer): Buffer | Promise<Buffer>
}

/**
 * One filter of one route. `request` runs in order before the upstream, `response` in reverse order once the
 * response head is known. Returning undefined (not a promise) keeps the request in the fast lane; returning a
 * Reply ends it there, and as in Spring that reply is final: of the response filters only those `onReplies` see it,
 * unless it stands for an instance's answer.
 */
export interface Filter {
  readonly name: string
  readonly order: number
  request? (x: Exchange): Reply | undefined | Promise<Reply | undefined>
  response? (x: Exchange): void
  /**
   * What Spring writes before the request goes on (CORS, rate limits): every other filter of the route sees it, so it
   * comes before them. @default false
   */
  readonly ahead?: boolean
  /** It sees replies of filters and errors, too. @default what `ahead` is */
  readonly onReplies?: boolean
  /**
   * Asked when the head of the answer that will be passed on is in, or no try is left (`status` undefined): a Reply
   * takes its place, and is seen by all response filters.
   */
  instead? (x: Exchange, status: number | undefined): Reply | undefined
  readonly requestBody?: BodyTransform
  readonly responseBody?: BodyTransform
  /** Called once when the exchange ended, however it ended. */
  finished? (x: Exchange): void
  /** Spring's text: `[AddRequestHeader X = 'Y']`. */
  toString (): string
}

/** Where a route leads. `forward` re-dispatches inside the gateway; `none` (no://op) must be answered by a filter. */
export type RouteTarget =
  | { readonly kind: 'cluster', readonly cluster: Cluster, readonly webSocket: boolean }
  | { readonly kind: 'forward', readonly path: string }
  | { readonly kind: 'none' }

export interface Route {
  readonly id: string
  readonly index: number
  readonly definition: RouteDefinition
  readonly predicates: readonly Predicate[]
  readonly filters: readonly Filter[]
  /** Pre-split from `filters` so the hot path loops over nothing when there is nothing. */
  readonly requestFilters: readonly Filter[]
  /** In the order in which they run: the last of the chain first. */
  readonly responseFilters: readonly Filter[]
  /** Those of them that see replies of filters and errors. */
  readonly replyFilters: readonly Filter[]
  readonly finishFilters: readonly Filter[]
  /** The one that may answer instead of the service. */
  readonly insteadFilter: Filter | undefined
  readonly target: RouteTarget
  readonly breaker: Breaker | undefined
  /** `forward:/path` with template variables, run when the breaker counts a failure or refuses. */
  readonly fallback: ((x: Exchange) => string) | undefined
  /** Statuses that the breaker counts as failures (CircuitBreaker statusCodes); null: none. */
  readonly failureStatuses: ReadonlySet<number> | null
  readonly retry: RetryPolicy | undefined
  readonly hedge: HedgePolicy | undefined
  readonly bulkhead: Bulkhead | undefined
  /** Milliseconds; 0 = none. Response timeout covers request sent -> response head; total covers everything. */
  readonly connectTimeoutMs: number
  readonly responseTimeoutMs: number
  readonly totalTimeoutMs: number
  /** Bytes of request body, chunked ones counted too; 0 = no limit. */
  readonly maxRequestBytes: number
  /** `metadata.http2`: by ALPN to TLS instances, by prior knowledge to others; undefined: the instance decides. */
  readonly http2: boolean | undefined
}

/** The compiled, immutable table: swapped whole. */
export interface RouteTable {
  readonly routes: readonly Route[]
  /** First route in order whose predicates all hold, or undefined (404). */
  match (x: Exchange): Route | undefined
}
