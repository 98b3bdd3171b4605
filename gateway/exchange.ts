/**
 * One request on its way through the gateway, as predicates and filters see it.
 *
 * One object of one shape per client connection, reset for each request: nobody may keep it past the answer.
 * Header names given to it are lower-case; values are latin1 text as on the wire. Edits are recorded and applied
 * when the head is written, so an exchange nobody edits costs nothing.
 */
import type { Route } from './routes/route.ts'
import type { ClientCertificate } from './security/client-certificate.ts'
import type { Instance } from './upstream/upstream.ts'

/** An answer made by the gateway itself. */
export interface Reply {
  readonly status: number
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: string | Buffer
  /** It stands for an instance's answer (a cache hit): all response filters see it. @default false */
  readonly isUpstreams?: boolean
}

/** Template variables of a route match (`{segment}`), on a null prototype: `__proto__` is a legal name. */
export type Variables = Record<string, string>

export interface Exchange {
  /** As received, never changed. `rawPath` is validated (no dot segments after one decode), `rawQuery` has no `?`. */
  readonly method: string
  readonly rawPath: string
  readonly rawQuery: string
  /** Host header as received, port included. */
  readonly host: string
  readonly remoteAddress: string
  readonly secure: boolean
  /** Verified in the handshake; undefined: the client showed none. */
  readonly clientCertificate: ClientCertificate | undefined
  /** By the clock of the event loop, when the head was complete. */
  readonly startedMs: number
  readonly requestId: string

  /** First value, or undefined. Sees earlier edits. */
  header (name: string): string | undefined
  headerValues (name: string): readonly string[]
  /** Lower-case, each once. */
  headerNames (): readonly string[]
  setHeader (name: string, value: string): void
  addHeader (name: string, value: string): void
  removeHeader (name: string): void

  /** What goes upstream; filters rewrite these two. */
  path: string
  query: string
  /** Host header sent upstream; undefined: the chosen instance's authority. */
  upstreamHost: string | undefined
  /** Absolute URI that replaces the route's (SetRequestUri, RequestHeaderToRequestUri); undefined: the route's. */
  upstreamUri: string | undefined

  readonly route: Route
  /** Null until a predicate or filter set one. */
  variables: Variables | null
  /** For filters that must remember something until the response; null until used. */
  attributes: Map<string, unknown> | null
  /** The failure that led to a fallback, for FallbackHeaders. */
  failure: ExchangeFailure | undefined

  /** The instance of the current try, and those tried before (never picked again for this request). */
  instance: Instance | undefined
  readonly tried: Instance[]
  readonly attempt: number

  /** The response, valid in the response stage. */
  status: number
  responseHeader (name: string): string | undefined
  responseHeaderValues (name: string): readonly string[]
  /** Lower-case, each once; framing fields left out. */
  responseHeaderNames (): readonly string[]
  setResponseHeader (name: string, value: string): void
  addResponseHeader (name: string, value: string): void
  removeResponseHeader (name: string): void
  /**
   * In the response stage: hands over a copy of the body once it has been passed on whole; never when it was larger,
   * or cut short.
   */
  copyResponseBody (maxBytes: number, done: (body: Buffer) => void): void
}

export type FailureKind = 'connect' | 'reset' | 'timeout' | 'status' | 'no-instance' | 'breaker-open' | 'bulkhead' |
'protocol' | 'client-abort'

export interface ExchangeFailure {
  readonly kind: FailureKind
  readonly message: string
}
