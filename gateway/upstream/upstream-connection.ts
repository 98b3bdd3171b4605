/**
 * One connection to an instance: carries one exchange at a time, reads its answer and hands it on as it comes.
 *
 * Reads go into one buffer shared by all connections of the worker (`onread`): what is not passed on before the
 * callback returns is copied. An idle connection that receives anything is broken and is destroyed: bytes after an
 * answer are a second answer that nobody asked for.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { ChunkedDecoder, DATA, END, FAULT } from '../http1/chunked.ts'
import type { HttpExchange } from '../http1/exchange.ts'
import { Outlet } from '../http1/outlet.ts'
import { MAX_INTERIM_BYTES } from '../http1/response-head.ts'
import { forwardableTrailers } from '../http1/trailers.ts'
import { isAgreement } from '../http1/upgrades.ts'
import { WebSocketLeg } from '../http1/web-socket-leg.ts'
import { isFailure } from './retry-policy.ts'
import type { Pool } from './pool.ts'

/** A socket as the pool makes it; `destroy` is all that is asked of it besides writing. */
export type UpstreamSocket = Duplex

const HEAD = 0
const LENGTH = 1
const CHUNKED = 2
const UNTIL_CLOSE = 3
/** The answer is over while the request still goes up. */
const ANSWERED = 4

/** Of all tries of one exchange together: they announce one answer, and nobody counts on them. */
const MAX_INTERIMS = 32

/** Most answer heads end within this; only when not is more of the buffer looked at. */
const USUAL_HEAD_BYTES = 4_096

export class UpstreamConnection {
  exchange: HttpExchange | null = null
  connected = false
  closed = false
  /** Requests sent on it so far. */
  requests = 0
  readonly bornMs: number
  /** Since when it has been without a request, or when it began to connect. */
  idleSinceMs: number
  /** Longest idle time that the upstream promised; Infinity when it promised none. */
  promisedIdleMs = Infinity
  /** Coarse time of the last byte. */
  lastReadMs = 0
  /** A byte of the current answer has arrived. */
  answering = false
  /** The instance said that it has not looked at the request (HTTP/2). */
  refused = false
  /** It shares a session that has carried others (HTTP/2). */
  warm = false
  /** What was written is no longer needed when the socket says so; a stream of HTTP/2 says so too early. */
  readonly returnsBuffers: boolean
  readonly outlet: Outlet
  readonly socket: UpstreamSocket
  private readonly pool: Pool
  /** It carries a WebSocket, for the rest of its life. */
  private leg: WebSocketLeg | null = null
  private phase = HEAD
  private partial = ''
  private left = 0
  private blockedSinceMs = 0
  private paused = false
  private waitsForTurn = false
  private readonly decoder = new ChunkedDecoder()

  constructor (socket: UpstreamSocket, pool: Pool, nowMs: number) {
    this.socket = socket
    this.pool = pool
    this.bornMs = nowMs
    this.idleSinceMs = nowMs
    this.returnsBuffers = socket instanceof Socket
    this.outlet = new Outlet(socket, pool.loop.buffers, pool.loop.departures)
  }

  /** The next request is about to be written. */
  begin (exchange: HttpExchange): void {
    this.exchange = exchange
    this.requests++
    this.phase = HEAD
    this.partial = ''
    this.answering = false
  }

  /** Bytes [0, length) of `buffer` have arrived. */
  read (buffer: Buffer, length: number): void {
    const exchange = this.exchange
    if (exchange === null || !this.connected) return this.unasked(buffer.subarray(0, length))
    this.lastReadMs = this.pool.loop.clock.coarseMs
    this.answering = true
    if (this.phase === HEAD) this.readHead(exchange, buffer, length)
    else if (this.phase === ANSWERED) this.fault(exchange, 'the upstream sent bytes after its answer')
    else this.readBody(exchange, buffer, 0, length)
    // The answer may have ended in there, and the connection may even carry another request by now.
    if (this.exchange === exchange && exchange.client.outlet.blocked) this.pause()
  }

  private readHead (exchange: HttpExchange, buffer: Buffer, length: number): void {
    const before = this.partial
    let text = before + buffer.toString('latin1', 0, Math.min(length, USUAL_HEAD_BYTES))
    let end = text.indexOf('\r\n\r\n')
    if (end < 0 && length > USUAL_HEAD_BYTES) {
      text = before + buffer.toString('latin1', 0, length)
      end = text.indexOf('\r\n\r\n')
    }
    if (end < 0) return this.keepPartial(exchange, text)
    this.partial = ''
    const bytes = before === '' ? buffer : Buffer.from(text, 'latin1')
    const wellFormed = end + 4 <= this.pool.loop.options.upstream.maxHeadBytes &&
      exchange.response.parse(text, 0, end + 4, bytes, 0)
    if (!wellFormed) return this.fault(exchange, 'the upstream sent an answer that is not strict HTTP/1.1')
    this.takeHead(exchange, buffer, end + 4 - before.length, length)
  }

  private keepPartial (exchange: HttpExchange, text: string): void {
    if (text.length > this.pool.loop.options.upstream.maxHeadBytes || !couldBeHead(text)) {
      return this.fault(exchange, 'the upstream sent no HTTP/1.1 answer')
    }
    this.partial = text
  }

  private takeHead (exchange: HttpExchange, buffer: Buffer, at: number, length: number): void {
    if (exchange.response.status < 200) return this.interim(exchange, buffer, at, length)
    this.expectBody(exchange)
    const gateway = this.pool.loop.gateway
    if (exchange.other !== null) gateway.tries.hedges.answered(exchange, this, isFailure(exchange.response.status))
    const serial = exchange.serial
    if (!gateway.responseHead(exchange)) return this.drop(exchange, length - at)
    // Filters may have ended the exchange.
    if (this.exchange !== exchange || exchange.serial !== serial) return
    if (at < length || this.isComplete()) this.readBody(exchange, buffer, at, length)
    else exchange.client.outlet.flush()
  }

  /** 1xx: passed on, except 100 (the gateway sends its own) and 101, after which HTTP is over on this connection. */
  private interim (exchange: HttpExchange, buffer: Buffer, at: number, length: number): void {
    exchange.interimBytes += exchange.response.bytes
    if (exchange.interimBytes > MAX_INTERIM_BYTES || ++exchange.interims > MAX_INTERIMS) {
      return this.fault(exchange, 'the upstream sent interim answers without end')
    }
    if (exchange.response.status === 101) return this.switchProtocols(exchange, buffer.subarray(at, length))
    // It says `Connection: close`, or speaks HTTP/1.0: nothing may follow it, not even the answer it announces.
    if (!exchange.response.persistent) return this.fault(exchange, 'the upstream closed with an interim answer')
    if (exchange.response.status !== 100) exchange.client.writer.interim(exchange)
    if (at < length) this.readHead(exchange, buffer.subarray(at, length), length - at)
    else exchange.client.outlet.flush()
  }

  private switchProtocols (exchange: HttpExchange, early: Buffer): void {
    if (!isAgreement(exchange, exchange.response)) {
      return this.fault(exchange, 'the upstream switched protocols unasked, or with a wrong Sec-WebSocket-Accept')
    }
    this.pool.loop.upgrades.begin(exchange, this, Buffer.from(early))
  }

  /** What comes from now on is no HTTP any more. */
  handOver (exchange: HttpExchange, agreement: Buffer, early: Buffer): WebSocketLeg {
    this.exchange = null
    exchange.upstream = null
    this.pool.loop.connections.delete(this)
    this.leg = new WebSocketLeg(this, agreement, early)
    return this.leg
  }

  /** Bytes without a question: those of a WebSocket, or a connection that is broken. */
  private unasked (bytes: Buffer): void {
    if (this.leg === null) this.destroy()
    // A copy: the buffer will be overwritten.
    else this.leg.fromInstance(Buffer.from(bytes))
  }

  private expectBody (exchange: HttpExchange): void {
    const response = exchange.response
    this.left = 0
    if (!response.hasBody(exchange.method)) this.phase = LENGTH
    else if (response.chunked) {
      this.phase = CHUNKED
      this.decoder.reset()
    } else if (response.contentLength >= 0) {
      this.phase = LENGTH
      this.left = response.contentLength
    } else this.phase = UNTIL_CLOSE
  }

  private isComplete (): boolean {
    return this.phase === LENGTH && this.left === 0
  }

  private readBody (exchange: HttpExchange, buffer: Buffer, at: number, length: number): void {
    const writer = exchange.client.writer
    if (this.phase === CHUNKED) return this.readChunks(exchange, buffer, at, length)
    const end = this.phase === LENGTH ? Math.min(length, at + this.left) : length
    if (end > at) writer.data(buffer, at, end)
    if (this.phase === LENGTH) {
      this.left -= end - at
      if (this.left === 0) return this.end(exchange, '', length - end)
    }
    exchange.client.outlet.flush()
  }

  private readChunks (exchange: HttpExchange, buffer: Buffer, at: number, length: number): void {
    const { decoder } = this
    let found = decoder.next(buffer, at, length)
    while (found === DATA) {
      exchange.client.writer.data(buffer, decoder.dataStart, decoder.dataEnd)
      found = decoder.next(buffer, decoder.at, length)
    }
    if (found === FAULT) return this.fault(exchange, 'the upstream broke its chunked framing')
    if (found !== END) return exchange.client.outlet.flush()
    const trailers = forwardableTrailers(decoder.trailers)
    if (trailers === undefined) return this.fault(exchange, 'the upstream sent malformed trailers')
    this.end(exchange, trailers, length - decoder.at)
  }

  /** The answer is complete. `extra` bytes behind it: whatever they are, they are not the next answer. */
  private end (exchange: HttpExchange, trailers: string, extra: number): void {
    const reusable = extra === 0 && exchange.response.persistent
    this.phase = ANSWERED
    // Back to the pool first, so that a pipelined request behind this one finds it. An upstream that answered before
    // it had the whole request may still be reading it: cut off here, it could not be used again.
    const { done } = exchange.body
    if (done || !reusable || !exchange.client.mayFinishUpload()) this.detach(exchange, reusable && done)
    exchange.client.writer.end(trailers)
  }

  /** Takes the exchange off; the connection goes back to its pool, or away. */
  detach (exchange: HttpExchange, reusable: boolean): void {
    this.exchange = null
    if (exchange.upstream === this) exchange.upstream = null
    if (!reusable) return this.destroy()
    const seconds = exchange.response.keepAliveSeconds
    if (seconds >= 0) this.promisedIdleMs = Math.max(0, seconds * 1000 - 1000)
    this.resume()
    this.pool.release(this)
  }

  /** The gateway has no use for this answer (retry, fallback): kept only when it was all there. */
  private drop (exchange: HttpExchange, available: number): void {
    if (this.exchange !== exchange) return
    const whole = this.phase === LENGTH && available === this.left && exchange.body.done
    this.detach(exchange, whole && exchange.response.persistent)
    this.pool.loop.gateway.dropped(exchange)
  }

  private fault (exchange: HttpExchange, message: string): void {
    this.exchange = null
    if (exchange.upstream === this) exchange.upstream = null
    this.destroy()
    this.pool.loop.gateway.tries.failed(exchange, 'protocol', message, this)
  }

  /** The upstream has closed its side. */
  ended (): void {
    const exchange = this.exchange
    if (exchange === null || this.phase !== UNTIL_CLOSE) return
    this.detach(exchange, false)
    exchange.client.writer.end('')
  }

  /** Closes itself when it has been idle too long. */
  sweep (nowMs: number): void {
    if (this.exchange === null && this.connected) this.pool.expire(this, nowMs)
  }

  /** The instance has not taken a byte for too long: a request that goes nowhere must end some time. */
  stuck (nowMs: number, limitMs: number): boolean {
    if (!this.outlet.blocked) this.blockedSinceMs = 0
    else if (this.blockedSinceMs === 0) this.blockedSinceMs = nowMs
    else return limitMs > 0 && nowMs - this.blockedSinceMs > limitMs
    return false
  }

  pause (): void {
    if (this.paused) return
    this.paused = true
    this.socket.pause()
  }

  resume (): void {
    if (!this.paused) return
    this.paused = false
    if (!this.waitsForTurn) this.socket.resume()
  }

  /** Whoever reads stops now. Also a connection that has gone back to its pool is to be heard again. */
  waitForTurn (): void {
    this.waitsForTurn = true
    this.pool.loop.readTurns.wait(this)
  }

  readOn (): void {
    if (!this.waitsForTurn) return
    this.waitsForTurn = false
    if (!this.paused) this.socket.resume()
  }

  destroy (): void {
    if (this.closed) return
    this.closed = true
    this.socket.destroy()
    this.pool.forget(this)
  }
}

/** False as soon as what came cannot become `HTTP/1.x`: a TLS alert or plain text need not wait for a timeout. */
function couldBeHead (text: string): boolean {
  const bareLf = text.indexOf('\n')
  return 'HTTP/1.'.startsWith(text.slice(0, 7)) && (bareLf < 0 || text.charCodeAt(bareLf - 1) === 13)
}
