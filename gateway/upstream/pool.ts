/**
 * Connections of this worker to one instance, the last used first: under low load the surplus ages out instead of
 * being kept half alive, and the warmest connection is the least likely to be closed by the other side.
 */
import type { HttpExchange } from '../http1/exchange.ts'
import { LARGE_READ } from '../http1/read-turns.ts'
import { Origin } from '../http2/origin.ts'
import type { Wire } from '../http2/wire.ts'
import type { Loop } from '../loop.ts'
import { dial } from './dial.ts'
import { UpstreamConnection, type UpstreamSocket } from './upstream-connection.ts'
import type { Instance } from './upstream.ts'

/** Outcome of {@link Pool.acquire} when no connection could even be waited for. */
export type AcquireResult = 'attached' | 'waiting' | 'overflow'

export class Pool {
  readonly loop: Loop
  private readonly instance: Instance
  /** Where connections come from when the instance speaks HTTP/2. */
  private readonly origin: Origin | undefined
  private readonly idle: UpstreamConnection[] = []
  private open = 0
  private readonly queue: HttpExchange[] = []

  constructor (instance: Instance, loop: Loop, origin?: Origin) {
    this.instance = instance
    this.loop = loop
    this.origin = origin
  }

  /** Gives the exchange a connection now, or later through `Tries.connected`. `fresh`: not one that was idle. */
  acquire (exchange: HttpExchange, fresh: boolean): AcquireResult {
    if (!fresh) {
      const connection = this.takeIdle()
      if (connection !== undefined) {
        attach(connection, exchange)
        return 'attached'
      }
    }
    const { maxConnections, maxPending, acquireTimeoutMs } = this.loop.options.upstream
    if (maxConnections === 0 || this.open < maxConnections) {
      this.connect(exchange)
      return 'waiting'
    }
    if (this.queue.length >= maxPending) return 'overflow'
    this.queue.push(exchange)
    exchange.deadlineMs = acquireTimeoutMs > 0 ? this.loop.clock.now() + acquireTimeoutMs : Infinity
    return 'waiting'
  }

  private takeIdle (): UpstreamConnection | undefined {
    const nowMs = this.loop.clock.coarseMs
    for (let connection = this.idle.pop(); connection !== undefined; connection = this.idle.pop()) {
      if (!this.isStale(connection, nowMs)) return connection
      connection.destroy()
    }
    return undefined
  }

  private isStale (connection: UpstreamConnection, nowMs: number): boolean {
    const { maxIdleTimeMs, maxLifeTimeMs } = this.loop.options.upstream
    if (this.isOfOldTls(connection)) return true
    const promised = connection.promisedIdleMs
    const idleMs = promised === Infinity ? maxIdleTimeMs : Math.min(promised, 60_000)
    return nowMs - connection.idleSinceMs > idleMs || (maxLifeTimeMs > 0 && nowMs - connection.bornMs > maxLifeTimeMs)
  }

  private isOfOldTls ({ bornMs }: UpstreamConnection): boolean {
    return this.instance.secure && bornMs <= this.loop.tlsSinceMs
  }

  private connect (exchange: HttpExchange): void {
    this.open++
    this.loop.gateway.tries.connecting(exchange)
    if (this.origin === undefined) this.connectSocket(exchange)
    else this.connectWire(exchange, this.origin.open())
  }

  private connectWire (exchange: HttpExchange, wire: Wire): void {
    const connection = new UpstreamConnection(wire, this, this.loop.clock.coarseMs)
    wire.on('data', (chunk: Buffer) => connection.read(chunk, chunk.length))
    wire.on('error', () => {
      connection.refused = wire.refused
      connection.warm = wire.warm
    })
    // It hears of nothing but the end of both steps.
    if (this.instance.secure) exchange.deadlineMs += this.loop.options.upstreamTls.handshakeTimeoutMs
    this.begin(connection, wire, exchange, 'connect')
  }

  private connectSocket (exchange: HttpExchange): void {
    this.loop.counters.breakwater_gateway_upstream_connections_total++
    const nowMs = this.loop.clock.coarseMs
    let connection: UpstreamConnection | undefined = undefined
    const onread = {
      buffer: this.loop.readBuffer,
      callback: (length: number, buffer: Uint8Array): boolean => {
        connection!.read(buffer as Buffer, length)
        if (length >= LARGE_READ) connection!.waitForTurn()
        return length < LARGE_READ
      }
    }
    const { secure } = this.instance
    const socket = dial(this.instance, this.loop.tls, this.loop.destinations, { onread })
    connection = new UpstreamConnection(socket, this, nowMs)
    if (secure) socket.once('connect', () => this.shakesHands(connection))
    this.begin(connection, socket, exchange, secure ? 'secureConnect' : 'connect')
  }

  private begin (connection: UpstreamConnection, socket: UpstreamSocket, exchange: HttpExchange, ready: string): void {
    this.loop.connections.add(connection)
    attach(connection, exchange)
    let cause = ''
    socket.once(ready, () => this.ready(connection))
    socket.on('drain', () => {
      connection.outlet.drained()
      connection.exchange?.client.adjustReading()
    })
    socket.on('end', () => connection.ended())
    socket.on('error', (fault) => { cause = fault.message })
    socket.on('close', () => this.lost(connection, cause))
  }

  /** The connection is there; TLS has a time of its own. */
  private shakesHands ({ exchange }: UpstreamConnection): void {
    const { clock, options } = this.loop
    if (exchange !== null) exchange.deadlineMs = clock.now() + options.upstreamTls.handshakeTimeoutMs
  }

  private ready (connection: UpstreamConnection): void {
    connection.connected = true
    const exchange = connection.exchange
    if (exchange !== null) this.loop.gateway.tries.connected(exchange, connection)
    else this.release(connection)
  }

  private lost (connection: UpstreamConnection, cause: string): void {
    const { exchange } = connection
    connection.exchange = null
    connection.destroy()
    if (exchange === null) return
    if (exchange.upstream === connection) exchange.upstream = null
    const kind = connection.connected ? 'reset' : 'connect'
    this.loop.gateway.tries.failed(exchange, kind, cause || 'the connection was closed', connection)
  }

  /** The connection's exchange is over; it may carry another. */
  release (connection: UpstreamConnection): void {
    connection.idleSinceMs = this.loop.clock.coarseMs
    const { maxLifeTimeMs } = this.loop.options.upstream
    const tooOld = maxLifeTimeMs > 0 && connection.idleSinceMs - connection.bornMs > maxLifeTimeMs
    if (tooOld || this.isOfOldTls(connection)) return connection.destroy()
    const waiting = this.queue.shift()
    if (waiting === undefined) {
      this.idle.push(connection)
      return
    }
    attach(connection, waiting)
    this.loop.gateway.tries.connected(waiting, connection)
  }

  /** An exchange that waited has given up. */
  leave (exchange: HttpExchange): void {
    const at = this.queue.indexOf(exchange)
    if (at >= 0) this.queue.splice(at, 1)
  }

  /** A connection is gone. A waiting exchange gets a new one in its place. */
  forget (connection: UpstreamConnection): void {
    this.open--
    this.loop.connections.delete(connection)
    const at = this.idle.indexOf(connection)
    if (at >= 0) this.idle.splice(at, 1)
    const waiting = this.queue.shift()
    if (waiting !== undefined) this.connect(waiting)
  }

  /** Closes an idle connection whose time is over. */
  expire (connection: UpstreamConnection, nowMs: number): void {
    if (this.isStale(connection, nowMs)) connection.destroy()
  }
}

function attach (connection: UpstreamConnection, exchange: HttpExchange): void {
  connection.begin(exchange)
  exchange.upstream = connection
}

/** The pool for the exchange's instance on this worker, made on first use; HTTP/2 has one of its own. */
export function poolOf (x: HttpExchange, loop: Loop): Pool {
  const instance = x.instance!
  // A WebSocket wants HTTP/1.1 (RFC 6455, 4.1).
  const http2 = !x.wantsUpgrade && speaksHttp2(instance, x.route.http2, loop)
  return http2 ? http2PoolOf(instance, loop) : http11PoolOf(instance, loop)
}

/** What a route says of it comes first, then what it says itself, then the settings. */
export function speaksHttp2 (instance: Instance, said: boolean | undefined, loop: Loop): boolean {
  return said ?? instance.http2 ?? (instance.secure && loop.options.upstream.http2)
}

function http2PoolOf (instance: Instance, loop: Loop): Pool {
  const existing = loop.http2Pools.get(instance)
  if (existing !== undefined) return existing
  const pool = new Pool(instance, loop, new Origin(instance, loop))
  loop.http2Pools.set(instance, pool)
  return pool
}

function http11PoolOf (instance: Instance, loop: Loop): Pool {
  const existing = instance.pool
  if (existing instanceof Pool) return existing
  const pool = new Pool(instance, loop)
  instance.pool = pool
  return pool
}
