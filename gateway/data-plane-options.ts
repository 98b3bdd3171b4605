/** What the data plane can be told. Plain data (it crosses to workers); times in ms, sizes in bytes, 0 = no limit. */
import { platform } from 'node:os'
import { DESTINATION_DEFAULTS, type DestinationRules, type KeyStoreFile } from '@breakwater/starter/security'
import type { PathRules } from './http1/target.ts'
import { IPV6_PREFIX_LENGTH } from './security/networks.ts'
import type { TracingOptions } from './tracing.ts'

/** Bounds on what one client may do; each exists because somebody somewhere does the opposite. */
export interface ClientLimits {
  /** Request line and headers together; more is 431. */
  readonly maxHeadBytes: number
  readonly maxHeaders: number
  /** Path and query; more is 414. */
  readonly maxTargetBytes: number
  /** First byte of a request (or of the connection) to the end of its head: slowloris. */
  readonly headerTimeoutMs: number
  /** Silence between two requests. Longer than a load balancer's own, so that the balancer closes first. */
  readonly keepAliveTimeoutMs: number
  /** Silence inside a request body. */
  readonly bodyTimeoutMs: number
  /** Average over the whole body, judged after 10 s: a body that trickles is cut off with 408. */
  readonly minBodyBytesPerSecond: number
  /** An answer that the client does not take off the wire. */
  readonly writeTimeoutMs: number
  /** Silence of an answer that has begun (SSE sends comments; a dead stream must not stay for ever). */
  readonly streamIdleTimeoutMs: number
  /** Over all workers. */
  readonly maxConnections: number
  /** Of one address, over all workers; as many as 1,048,575. */
  readonly maxConnectionsPerAddress: number
  /** So many first bits of an IPv6 address make one client; of IPv4 always all. */
  readonly ipv6PrefixLength: number
  /** Bytes of further requests held while one is being answered; then the socket is not read. */
  readonly maxPipelinedBytes: number
}

/** Connections to instances: per instance and worker. */
export interface UpstreamLimits {
  readonly connectTimeoutMs: number
  /** 0: elastic, as Spring's default pool. */
  readonly maxConnections: number
  /** Requests waiting for a connection when `maxConnections` is reached. */
  readonly maxPending: number
  readonly acquireTimeoutMs: number
  /**
   * Idle connections live this long when the upstream announces no `Keep-Alive: timeout`. Below the shortest common
   * server default (Node's and uvicorn's 5 s): a connection that the other side closes while we write is an error.
   */
  readonly maxIdleTimeMs: number
  /** 0: for ever. */
  readonly maxLifeTimeMs: number
  /** Offers HTTP/2 to TLS instances by ALPN, unless a route or the instance says otherwise. */
  readonly http2: boolean
  readonly maxHeadBytes: number
  readonly maxHeaders: number
}

/** TLS towards instances. Verified unless told otherwise. */
export interface UpstreamTls {
  readonly insecure: boolean
  /** PEM texts trusted instead of the system's. */
  readonly trustedCertificates: readonly string[]
  readonly certificate: string | undefined
  readonly key: string | undefined
  /** Where the texts came from; read again when one changes. Empty: the texts stay. */
  readonly files: {
    readonly trusted: readonly string[]
    readonly certificate: string | undefined
    readonly key: string | undefined
  }
  readonly reloadIntervalMs: number
  readonly handshakeTimeoutMs: number
}

/** X-Forwarded-* and Forwarded. The peer's address is appended; inherited values survive from trusted peers only. */
export interface ForwardedOptions {
  /** CIDR blocks, or regular expressions matched against the whole address (Spring's `trusted-proxies`). */
  readonly trustedProxies: readonly string[]
  readonly for: boolean
  readonly host: boolean
  readonly port: boolean
  readonly proto: boolean
  readonly prefix: boolean
  /** Ours behind what a trusted peer sent; false: ours instead of it. */
  readonly append: Readonly<Record<'for' | 'host' | 'port' | 'proto' | 'prefix', boolean>>
  /** RFC 7239. */
  readonly forwarded: boolean
  /** Its `by`: the address of ours that the request came in on. */
  readonly by: boolean
}

/** One certificate of the listener; `serverNames` picks it by SNI, the first entry is the default. */
export interface ListenerCertificate {
  readonly serverNames: readonly string[]
  readonly from: PemFiles | KeyStoreFile
}

export interface PemFiles {
  readonly certificateFile: string
  readonly keyFile: string
}

export interface ListenerTls {
  readonly certificates: readonly ListenerCertificate[]
  readonly handshakeTimeoutMs: number
  /** How often the files are looked at; changed ones serve new connections. */
  readonly reloadIntervalMs: number
  /** Clients are asked for a certificate of these authorities, in a PEM file or a store; undefined: they are not. */
  readonly clients: { readonly trusted: string | KeyStoreFile, readonly required: boolean } | undefined
}

export interface DataPlaneOptions extends PathRules {
  /** What the gateway calls itself in its access log. */
  readonly service: string
  readonly host: string
  readonly port: number
  /** Event loops; 0 = in this thread (tests, and machines with one core). */
  readonly workers: number
  /** Lets several sockets listen on the port: for more than one worker, and to take over from a running gateway. */
  readonly reusePort: boolean
  readonly limits: ClientLimits
  readonly upstream: UpstreamLimits
  readonly upstreamTls: UpstreamTls
  /** Where no connection is made to, whoever names it. */
  readonly destinations: DestinationRules
  readonly forwarded: ForwardedOptions
  /** Names removed both ways beyond the hop-by-hop ones of RFC 9110; lower-case. */
  readonly removeHeaders: readonly string[]
  readonly accessLog: { readonly enabled: boolean, readonly file: string | undefined }
  /** Undefined without a collector: nothing of a trace is recorded. */
  readonly tracing: TracingOptions | undefined
  readonly tls: ListenerTls | undefined
  /** HTTP/2 by ALPN with TLS, by prior knowledge without. */
  readonly http2: boolean
  /** WebSocket handshakes are passed on where the route's uri or metadata does not say so, too. */
  readonly webSocketsOnAnyRoute: boolean
  /** How often deadlines are looked at: the precision of every timeout. */
  readonly sweepIntervalMs: number
}

export const DATA_PLANE_DEFAULTS: DataPlaneOptions = {
  service: 'gateway',
  host: '127.0.0.1',
  port: 8080,
  workers: 0,
  reusePort: platform() === 'linux',
  limits: {
    maxHeadBytes: 16_384,
    maxHeaders: 500,
    maxTargetBytes: 8_192,
    headerTimeoutMs: 10_000,
    keepAliveTimeoutMs: 75_000,
    bodyTimeoutMs: 30_000,
    minBodyBytesPerSecond: 100,
    writeTimeoutMs: 60_000,
    streamIdleTimeoutMs: 300_000,
    maxConnections: 20_000,
    maxConnectionsPerAddress: 8_000,
    ipv6PrefixLength: IPV6_PREFIX_LENGTH,
    maxPipelinedBytes: 65_536
  },
  upstream: {
    connectTimeoutMs: 30_000,
    maxConnections: 0,
    maxPending: 1_024,
    acquireTimeoutMs: 45_000,
    maxIdleTimeMs: 4_000,
    maxLifeTimeMs: 0,
    http2: false,
    maxHeadBytes: 65_536,
    maxHeaders: 250
  },
  upstreamTls: {
    insecure: false, trustedCertificates: [], certificate: undefined, key: undefined,
    files: { trusted: [], certificate: undefined, key: undefined }, reloadIntervalMs: 1_000, handshakeTimeoutMs: 10_000
  },
  destinations: DESTINATION_DEFAULTS,
  forwarded: {
    trustedProxies: [],
    for: true,
    host: true,
    port: true,
    proto: true,
    prefix: true,
    append: { for: true, host: true, port: true, proto: true, prefix: true },
    forwarded: false,
    by: false
  },
  removeHeaders: ['x-application-context'],
  rejectEncodedSlash: false,
  emptySegments: 'merge',
  accessLog: { enabled: false, file: undefined },
  tracing: undefined,
  tls: undefined,
  http2: true,
  webSocketsOnAnyRoute: false,
  sweepIntervalMs: 50
}
