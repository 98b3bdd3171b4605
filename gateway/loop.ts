/**
 * One event loop of the data plane: listener, clients, upstream connections, counters, and the one timer that looks
 * at all deadlines. Nothing in it knows of other loops.
 */
import type { ClientHttp2Session } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import { Destinations } from '@breakwater/starter/security'
import { AccessLog, fileTarget } from './access-log.ts'
import { Clock } from './clock.ts'
import type { DataPlaneOptions } from './data-plane-options.ts'
import { Gateway } from './gateway.ts'
import { BufferPool } from './http1/buffer-pool.ts'
import type { ClientConnection } from './http1/client-connection.ts'
import { Departures } from './http1/departures.ts'
import { DroppedFields } from './http1/dropped-fields.ts'
import type { HttpExchange } from './http1/exchange.ts'
import { sayGoodbye } from './http1/farewell.ts'
import { PRIVATE } from './http1/header-lines.ts'
import { ReadTurns } from './http1/read-turns.ts'
import { RequestTurns } from './http1/request-turns.ts'
import { Upgrades } from './http1/upgrades.ts'
import { Http2Front } from './http2/front.ts'
import { IdPool, isRequestId, isTraceparent, traceIdOf } from './ids.ts'
import { RequestCells } from './metrics/cells.ts'
import { loopCounters } from './metrics/counters.ts'
import type { Tracing } from './tracing.ts'
import { DirectInstances } from './upstream/direct-instance.ts'
import { FollowedTls } from './upstream/upstream-tls.ts'
import type { Pool } from './upstream/pool.ts'
import type { Instance } from './upstream/upstream.ts'
import type { UpstreamConnection } from './upstream/upstream-connection.ts'
import type { Compiler, WorkerHost } from './workers/contract.ts'

const READ_BUFFER_BYTES = 65_536

export class Loop {
  readonly options: DataPlaneOptions
  readonly clock: Clock
  readonly ids: IdPool
  readonly gateway: Gateway
  readonly dropped: DroppedFields
  readonly readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)
  readonly buffers = new BufferPool()
  readonly departures = new Departures()
  readonly readTurns = new ReadTurns()
  readonly requestTurns = new RequestTurns()
  private readonly followedTls: FollowedTls
  /** Kept TLS connections that are older show or trust what no longer holds. */
  tlsSinceMs = -Infinity
  readonly destinations: Destinations
  readonly clients = new Set<ClientConnection>()
  readonly connections = new Set<UpstreamConnection>()
  /** Towards instances that speak HTTP/2: many exchanges share each. */
  readonly sessions = new Set<ClientHttp2Session>()
  readonly http2Pools = new WeakMap<Instance, Pool>()
  readonly upgrades: Upgrades
  readonly http2: Http2Front
  readonly direct = new DirectInstances()
  readonly cells = new RequestCells()
  readonly counters = loopCounters()
  readonly log: WorkerHost['log']
  compiler: Compiler | undefined = undefined
  /** Where a collector is set; decided before the loop listens. */
  tracing: Tracing | undefined = undefined
  draining = false
  /** In a drain: streams that have lasted for as long are ended. */
  private streamPatienceMs = Infinity
  private readonly accessLog: AccessLog | undefined
  private timer: NodeJS.Timeout | undefined = undefined
  private onEmpty: (() => void) | undefined = undefined

  constructor (options: DataPlaneOptions, log: WorkerHost['log'], clock = new Clock()) {
    this.options = options
    this.log = log
    this.clock = clock
    this.ids = new IdPool()
    this.dropped = new DroppedFields(options.removeHeaders)
    this.followedTls = new FollowedTls(options.upstreamTls, log, () => this.renewTls())
    this.destinations = new Destinations(options.destinations, (refusal) => log('warn', refusal))
    this.gateway = new Gateway(this)
    this.upgrades = new Upgrades(this)
    this.http2 = new Http2Front(this)
    const { enabled, file } = options.accessLog
    this.accessLog = enabled ? new AccessLog(fileTarget(file), this.counters, options.service) : undefined
  }

  start (): void {
    this.followedTls.start()
    this.timer = setInterval(() => this.sweep(), this.options.sweepIntervalMs)
  }

  /** Towards instances, as the files say now. */
  get tls (): ConnectionOptions {
    return this.followedTls.current
  }

  /** Exchanges under way end on the connection that they have; the next ones find another. */
  private renewTls (): void {
    this.tlsSinceMs = this.clock.now()
    for (const session of this.sessions) if (session.encrypted === true) session.close()
  }

  /** Every deadline of every connection; a few microseconds a thousand. */
  sweep (): void {
    const nowMs = this.clock.tick()
    for (const client of this.clients) client.sweep(nowMs)
    for (const connection of this.connections) connection.sweep(nowMs)
    this.http2.sweep(nowMs)
    if (this.draining) for (const client of this.clients) sayGoodbye(client.exchange, nowMs, this.streamPatienceMs)
    this.accessLog?.flush()
  }

  /** The client's bytes come from `socket` from now on: a TCP or TLS socket, or the inside of an HTTP/2 stream. */
  attach (client: ClientConnection, socket: Duplex): void {
    this.clients.add(client)
    socket.on('data', (chunk: Buffer) => client.read(chunk))
    socket.on('drain', () => client.drained())
    socket.on('end', () => client.ended())
    socket.on('close', () => client.closed())
    // Resets are told by 'close'; without a listener they would end the process.
    socket.on('error', () => {})
  }

  forget (client: ClientConnection): void {
    this.clients.delete(client)
    this.left()
  }

  /** A client, or a session of HTTP/2, has gone: a session outlives its last stream until that is on the wire. */
  left (): void {
    if (this.isEmpty) this.onEmpty?.()
  }

  private get isEmpty (): boolean {
    return this.clients.size === 0 && this.http2.isEmpty
  }

  /** Gives the request its id and trace: the client's when they are well formed, new ones otherwise. */
  identify (x: HttpExchange): void {
    const { head } = x
    const fresh = this.ids.next()
    const traceId = traceIdOf(fresh)
    x.requestId = traceId
    x.traceId = traceId
    if (head.requestIdLine < 0 && head.traceparentLine < 0) {
      x.idLines = `x-request-id: ${traceId}\r\n${fresh}`
    } else this.keepIds(x, fresh)
    this.tracing?.begin(x, fresh)
  }

  private keepIds (x: HttpExchange, fresh: string): void {
    const { lines, requestIdLine, traceparentLine } = x.head
    const requestId = requestIdLine < 0 ? '' : lines.value(requestIdLine)
    const traceparent = traceparentLine < 0 ? '' : lines.value(traceparentLine)
    x.idLines = ''
    if (isTraceparent(traceparent)) x.traceId = traceparent.slice(3, 35)
    else {
      if (traceparentLine >= 0) lines.fate[traceparentLine] = PRIVATE
      x.idLines = fresh
    }
    if (isRequestId(requestId)) x.requestId = requestId
    else {
      if (requestIdLine >= 0) lines.fate[requestIdLine] = PRIVATE
      x.requestId = x.traceId
      x.idLines += `x-request-id: ${x.requestId}\r\n`
    }
  }

  /** The id lines that a filter has not written itself. */
  idLinesBeside (x: HttpExchange): string {
    const lines = x.idLines.split('\r\n').filter((line) => line !== '' && !x.head.lines.hasAdded(line.slice(0, line.indexOf(':'))))
    return lines.map((line) => `${line}\r\n`).join('')
  }

  /** A request has ended. */
  record (x: HttpExchange): void {
    const nowMs = this.clock.now()
    const elapsedMs = nowMs - x.startedMs
    if (x.matched === undefined) this.counters.breakwater_gateway_unmatched_requests_total++
    else this.cells.add(x.matched, x.head.methodIndex, x.method, x.status, elapsedMs)
    if (x.failure !== undefined && x.failure.kind === 'client-abort') this.counters.breakwater_gateway_client_aborts_total++
    this.accessLog?.add(x, this.clock.wallMs(), elapsedMs)
    this.tracing?.end(x, this.clock.wallMs(), elapsedMs)
  }

  /** A head that could not be read was answered. */
  refused (client: ClientConnection, status: number, requestId: string): void {
    this.counters.breakwater_gateway_malformed_requests_total++
    this.accessLog?.addRefused(client.peer.address, status, requestId, this.clock.wallMs())
  }

  /** Lets every client finish; cuts the rest at the deadline. */
  async drain (deadlineMs: number): Promise<void> {
    this.draining = true
    this.streamPatienceMs = deadlineMs / 2
    this.http2.drain()
    this.upgrades.drain()
    if (!this.isEmpty) await this.emptied(deadlineMs)
    for (const client of this.clients) client.cut()
    this.http2.stop()
    this.upgrades.stop()
    for (const connection of this.connections) connection.destroy()
    for (const session of this.sessions) session.destroy()
    clearInterval(this.timer)
    this.followedTls.stop()
    this.compiler?.stop?.()
    await this.accessLog?.stop()
    await this.tracing?.stop()
  }

  private async emptied (deadlineMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadlineMs)
      this.onEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
