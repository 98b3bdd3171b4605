/**
 * One request and its answer: what predicates and filters see of it ({@link Exchange}), and where the data plane
 * keeps what it knows. One object per client connection, reset for each request, always of the same shape.
 */
import { BodyCopy } from './body-copy.ts'
import type { Exchange, ExchangeFailure, Reply, Variables } from '../exchange.ts'
import type { Route } from '../routes/route.ts'
import type { ClientCertificate } from '../security/client-certificate.ts'
import type { OtherTry } from '../upstream/hedges.ts'
import type { Instance } from '../upstream/upstream.ts'
import type { UpstreamConnection } from '../upstream/upstream-connection.ts'
import type { LocalHandler } from '../workers/contract.ts'
import type { ClientConnection } from './client-connection.ts'
import { RequestBody } from './request-body.ts'
import type { RequestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'

/** Fields that describe the message's way, not the message: filters may look, the gateway writes them. */
const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade', 'te', 'trailer'])

export class HttpExchange implements Exchange {
  readonly client: ClientConnection
  readonly head: RequestHead
  readonly response: ResponseHead
  readonly body: RequestBody

  method = ''
  rawPath = ''
  rawQuery = ''
  host = ''
  remoteAddress = ''
  secure = false
  startedMs = 0
  requestId = ''
  path = ''
  query = ''
  upstreamHost: string | undefined = undefined
  upstreamUri: string | undefined = undefined
  /** Undefined only before a route matched, when nobody but the data plane holds the exchange. */
  matched: Route | undefined = undefined
  variables: Variables | null = null
  attributes: Map<string, unknown> | null = null
  failure: ExchangeFailure | undefined = undefined
  instance: Instance | undefined = undefined
  readonly tried: Instance[] = []
  attempt = 0
  status = 0

  /** True from the head to the end of the answer. */
  active = false
  /** Which request of this object this is: a promise that settles late finds another number and is ignored. */
  serial = 0
  /** The connection of the current try, connecting ones included. */
  upstream: UpstreamConnection | null = null
  /** The current try's instance has this request counted as active. */
  counted = false
  /** The older try, while two are under way (a hedge). */
  other: OtherTry | null = null
  /** Until a second try is sent; null: none will be. */
  hedgeTimer: NodeJS.Timeout | null = null
  /** Tries beyond the first, as the budget counts them. */
  taken = 0
  tryStartedMs = 0
  /** Instances to which nothing could be sent, and since when one is sought that takes the request. */
  readonly unreached: Instance[] = []
  seekingSinceMs = 0
  /** When the current try has waited long enough for its answer; Infinity: never. */
  deadlineMs = Infinity
  totalDeadlineMs = Infinity
  breakerToken = -1
  inBulkhead = false
  forwards = 0
  /** Interim answers that its instances have sent. */
  interims = 0
  interimBytes = 0
  /** The once-only second try after an idle connection turned out to be dead. */
  replayed = false
  /** A byte of the final answer has been written to the client: no second answer is possible. */
  responded = false
  /** The answer is out; the request may still be coming in. */
  answered = false
  /** Filters are through: from here on the body goes where the route leads. */
  forwarding = false
  /** Of the content; 0 = no limit. */
  maxBodyBytes = 0
  /** An answer that is being dropped leads to another try (true) or to the fallback. */
  /** What takes the place of the answer that is being dropped. */
  instead: Reply | undefined = undefined
  retrying = false
  /** What the access log calls the trace. */
  traceId = ''
  /** Header lines for the upstream that name this request. */
  idLines = ''
  localHandler: LocalHandler | undefined = undefined
  /** A body transformation is running. */
  transforming = false
  /** What the connection had written when this request began, for the log. */
  bytesBefore = 0
  /** A WebSocket handshake, offered to the instance as such. */
  wantsUpgrade = false
  /** Handed over to another protocol; ends when the socket closes. */
  upgraded = false

  constructor (client: ClientConnection, head: RequestHead, response: ResponseHead) {
    this.client = client
    this.head = head
    this.body = new RequestBody(client.loop.buffers)
    this.response = response
    this.remoteAddress = client.peer.address
    this.secure = client.peer.secure
  }

  get clientCertificate (): ClientCertificate | undefined {
    return this.client.peer.certificate
  }

  get route (): Route {
    return this.matched!
  }

  /** A new request: everything that a former one left behind goes. */
  begin (nowMs: number): void {
    const head = this.head
    this.method = head.method
    this.rawPath = head.rawPath
    this.rawQuery = head.rawQuery
    this.host = head.host
    this.path = head.rawPath
    this.query = head.rawQuery
    this.startedMs = nowMs
    this.upstreamHost = undefined
    this.upstreamUri = undefined
    this.matched = undefined
    this.variables = null
    this.attributes = null
    this.failure = undefined
    this.instance = undefined
    if (this.tried.length > 0) this.tried.length = 0
    this.attempt = 0
    this.status = 0
    this.active = true
    this.serial++
    this.upstream = null
    this.counted = false
    this.other = null
    this.taken = 0
    if (this.unreached.length > 0) this.unreached.length = 0
    this.deadlineMs = Infinity
    this.totalDeadlineMs = Infinity
    this.breakerToken = -1
    this.inBulkhead = false
    this.forwards = 0
    this.interims = 0
    this.interimBytes = 0
    this.replayed = false
    this.responded = false
    this.answered = false
    this.forwarding = false
    this.maxBodyBytes = 0
    this.retrying = false
    this.instead = undefined
    this.wantsUpgrade = false
    this.upgraded = false
    this.localHandler = undefined
    this.client.writer.copy = null
    this.transforming = false
    this.bytesBefore = this.client.outlet.bytesWritten
    this.body.begin(head.contentLength, head.chunked)
  }

  /** Its body is a stream of messages: nothing may come for long, and it means no harm. */
  get isGrpc (): boolean {
    return this.header('content-type')?.startsWith('application/grpc') === true
  }

  header (name: string): string | undefined {
    return this.head.lines.get(name)
  }

  headerValues (name: string): readonly string[] {
    return this.head.lines.all(name)
  }

  headerNames (): readonly string[] {
    return this.head.lines.names()
  }

  setHeader (name: string, value: string): void {
    if (name === 'host') this.upstreamHost = value
    else if (!FRAMING.has(name)) this.head.lines.set(name, value)
  }

  addHeader (name: string, value: string): void {
    if (name !== 'host' && !FRAMING.has(name)) this.head.lines.add(name, value)
  }

  removeHeader (name: string): void {
    if (!FRAMING.has(name)) this.head.lines.remove(name)
  }

  responseHeader (name: string): string | undefined {
    return this.response.lines.get(name)
  }

  responseHeaderValues (name: string): readonly string[] {
    return this.response.lines.all(name)
  }

  responseHeaderNames (): readonly string[] {
    return this.response.lines.names().filter((name) => !FRAMING.has(name))
  }

  setResponseHeader (name: string, value: string): void {
    if (!FRAMING.has(name)) this.response.lines.set(name, value)
  }

  addResponseHeader (name: string, value: string): void {
    if (!FRAMING.has(name)) this.response.lines.add(name, value)
  }

  removeResponseHeader (name: string): void {
    if (!FRAMING.has(name)) this.response.lines.remove(name)
  }

  copyResponseBody (maxBytes: number, done: (body: Buffer) => void): void {
    this.client.writer.copy = new BodyCopy(maxBytes, done)
  }
}
