/**
 * One client connection: bytes in, requests one after the other through the gateway, answers out in order.
 *
 * Only one request is under way at a time; what a pipelining client sends ahead waits, bounded, in `stash`. After
 * a framing error the connection answers, closes, and interprets nothing more.
 */
import type { Duplex } from 'node:stream'
import type { Gateway } from '../gateway.ts'
import type { Loop } from '../loop.ts'
import { readAsStream } from './accepted-socket.ts'
import { ClientDeadlines } from './client-deadlines.ts'
import { BUSY, CLOSED, HEAD, LINGER, UPLOAD } from './client-phase.ts'
import { HttpExchange } from './exchange.ts'
import { Outlet } from './outlet.ts'
import type { Peer } from './peer.ts'
import { traceIdOf } from '../ids.ts'
import { refusal } from './reply.ts'
import { MAX_REST_BYTES } from './request-body.ts'
import { RequestHead } from './request-head.ts'
import { ResponseHead } from './response-head.ts'
import { ResponseWriter } from './response-writer.ts'
import { MAX_AT_ONCE, Stash } from './stash.ts'

const USUAL_HEAD_BYTES = 2_048
const MAX_PENDING_BYTES = 65_536

export class ClientConnection {
  readonly loop: Loop
  readonly gateway: Gateway
  readonly socket: Duplex
  readonly peer: Peer
  readonly outlet: Outlet
  readonly writer: ResponseWriter
  readonly exchange: HttpExchange
  /** The connection ends with the current answer. */
  closing = false
  requests = 0
  private phase = HEAD
  private partial = ''
  private readonly stash = new Stash()
  /** Input waits: a filter has not decided yet. */
  private holding = false
  private processing = false
  private paused = false
  private inputEnded = false
  private readonly deadlines: ClientDeadlines

  constructor (socket: Duplex, peer: Peer, loop: Loop) {
    this.loop = loop
    this.gateway = loop.gateway
    this.socket = socket
    this.peer = peer
    this.outlet = new Outlet(socket, loop.buffers, loop.departures)
    this.writer = new ResponseWriter(this)
    this.deadlines = new ClientDeadlines(loop.options.limits, loop.clock.coarseMs)
    const { options, options: { limits, upstream }, dropped } = loop
    const heads = [new RequestHead(limits, options, dropped), new ResponseHead(upstream, dropped)] as const
    this.exchange = new HttpExchange(this, ...heads)
  }

  /** `chunk` is good until this returns. */
  read (chunk: Buffer): void {
    this.deadlines.lastReadMs = this.loop.clock.coarseMs
    if (!this.stash.empty) this.stash.keep(chunk)
    else this.process(chunk)
    this.adjustReading()
  }

  /** Takes requests, and parts of them, from `chunk` until it is used up or has to wait. */
  private process (chunk: Buffer): void {
    this.processing = true
    const last = this.requests + MAX_AT_ONCE
    let at = 0
    while (at < chunk.length) {
      if (this.phase >= LINGER) break
      const enough = this.phase === HEAD && (this.requests === last || this.loop.requestTurns.full)
      if (enough) this.loop.requestTurns.wait(this)
      if (enough || this.phase === BUSY || this.holding) {
        this.stash.keep(chunk.subarray(at))
        break
      }
      at = this.phase === HEAD ? this.readHead(chunk, at) : this.readBody(chunk, at)
    }
    this.processing = false
    if (this.phase === HEAD && this.atEnd) this.linger()
  }

  /** The client has closed its side and all it sent has been looked at. */
  private get atEnd (): boolean {
    return this.inputEnded && this.stash.empty && !this.processing
  }

  /** The next requests; at once, or after others had their turn. */
  goOn (): void {
    if (this.phase === HEAD && !this.processing) this.useStash()
    if (this.phase === HEAD && this.atEnd) this.linger()
    else this.adjustReading()
  }

  private readHead (chunk: Buffer, at: number): number {
    const before = this.partial
    let text = before + chunk.toString('latin1', at, at + USUAL_HEAD_BYTES)
    // RFC 9112, 2.2: one empty line before a request is forgiven.
    const start = text.startsWith('\r\n') ? 2 : 0
    let end = text.indexOf('\r\n\r\n', start)
    if (end < 0 && chunk.length - at > USUAL_HEAD_BYTES) {
      text = before + chunk.toString('latin1', at, at + this.loop.options.limits.maxHeadBytes + 8)
      end = text.indexOf('\r\n\r\n', start)
    }
    if (end < 0) return this.keepPartial(text, chunk)
    this.partial = ''
    this.deadlines.headStartedMs = 0
    const bodyAt = at + end + 4 - before.length
    if (end + 4 - start > this.loop.options.limits.maxHeadBytes) this.refuse(431)
    else if (this.requests === 0 && this.loop.http2.isPreface(text)) this.toHttp2(before, chunk.subarray(at))
    else if (before === '') this.takeHead(text, start, end + 4, chunk, at)
    else this.takeHead(text, start, end + 4, Buffer.from(text, 'latin1'), 0)
    return this.beginBody(chunk, bodyAt)
  }

  private toHttp2 (before: string, chunk: Buffer): void {
    this.handOver()
    this.closed()
    this.loop.http2.take(this.socket, this.peer, Buffer.concat([Buffer.from(before, 'latin1'), chunk]))
  }

  /** The head is not complete: a line that no rest can heal is refused at once. */
  private keepPartial (text: string, chunk: Buffer): number {
    const lineFeed = text.indexOf('\n')
    if (text.length > this.loop.options.limits.maxHeadBytes) this.refuse(431)
    else if (lineFeed >= 0 && text.charCodeAt(lineFeed - 1) !== 13) this.refuse(400)
    else {
      this.partial = text
      this.deadlines.headBegins(this.loop.clock.coarseMs)
    }
    return chunk.length
  }

  private takeHead (text: string, start: number, end: number, bytes: Uint8Array, shift: number): void {
    const { exchange } = this
    const status = exchange.head.parse(text, start, end, bytes, shift)
    if (status !== 0) return this.refuse(status)
    this.requests++
    this.loop.requestTurns.take()
    exchange.begin(this.loop.clock.now())
    if (exchange.body.done) this.phase = BUSY
    else {
      this.phase = UPLOAD
      this.deadlines.bodyStartedMs = this.loop.clock.coarseMs
    }
    this.holding = true
    if (this.gateway.admit(exchange)) this.holding = false
  }

  /** Right behind the head: what of the body came with it leaves with it, in one write. */
  private beginBody (chunk: Buffer, at: number): number {
    const { exchange } = this
    if (this.phase >= LINGER || this.phase === HEAD || this.holding) return at
    const next = this.phase === UPLOAD && !exchange.body.discarding ? this.readBody(chunk, at) : at
    const ready = exchange.active && !exchange.forwarding && !exchange.body.discarding
    if (ready && this.phase < LINGER) this.gateway.forward(exchange)
    return next
  }

  /** An asynchronous filter has let the request through. */
  proceed (): void {
    this.holding = false
    if (this.phase === UPLOAD) this.useStash()
    if (this.phase < LINGER && this.exchange.active && !this.exchange.forwarding) this.gateway.forward(this.exchange)
    this.adjustReading()
  }

  private useStash (): void {
    const stash = this.stash.take()
    if (stash !== null) this.process(stash)
  }

  private readBody (chunk: Buffer, at: number): number {
    const { exchange } = this
    const { body } = exchange
    const fault = body.consume(chunk, at, body.discarding ? 0 : exchange.maxBodyBytes)
    if (fault !== 0) {
      this.bodyFault(fault)
      return chunk.length
    }
    if (body.discarding && body.received > MAX_REST_BYTES && !body.done) this.linger()
    else if (body.done) this.bodyDone()
    else if (exchange.forwarding) this.gateway.bodyArrived(exchange)
    return body.at
  }

  private bodyDone (): void {
    const { exchange } = this
    this.phase = BUSY
    if ((exchange.forwarding || exchange.body.collecting) && !exchange.answered) this.gateway.bodyArrived(exchange)
    else if (exchange.answered) this.uploadOver()
  }

  /** The answer went out before the upload was over; now it is. */
  private uploadOver (): void {
    const { exchange } = this
    if (exchange.upstream !== null) {
      this.gateway.bodyArrived(exchange)
      exchange.upstream.detach(exchange, true)
    }
    this.requestOver()
  }

  private bodyFault (status: number): void {
    const { exchange } = this
    this.closing = true
    if (exchange.responded) return this.cut()
    exchange.body.discard()
    this.gateway.refuseBody(exchange, status)
  }

  /** The answer is out. */
  answered (): void {
    const { exchange } = this
    exchange.answered = true
    this.gateway.finish(exchange)
    if (exchange.body.done) return this.requestOver()
    if (this.closing) return this.linger()
    if (exchange.upstream === null) exchange.body.discard()
    this.holding = false
    if (this.phase === BUSY) this.phase = UPLOAD
    if (!this.processing) this.useStash()
    this.adjustReading()
  }

  private requestOver (): void {
    this.exchange.active = false
    this.holding = false
    this.deadlines.sinceMs = this.loop.clock.coarseMs
    if (this.closing) return this.linger()
    this.phase = HEAD
    this.goOn()
  }

  /** Is this connection to be closed with the answer that is about to be written? */
  decideClosing (): void {
    const { head, body } = this.exchange
    const wanted = head.http11 ? !head.close : head.keepAlive && !head.close
    if (!wanted || this.loop.draining || this.atEnd) this.closing = true
    if (!body.done && !body.restIsShort) this.closing = true
  }

  /** The rest of the request may go on to an upstream that has already answered. */
  mayFinishUpload (): boolean {
    return !this.closing && this.exchange.body.restIsShort
  }

  /** A head that is not acceptable: answer, close, read nothing more. */
  private refuse (status: number): void {
    const id = traceIdOf(this.loop.ids.next())
    this.outlet.add(refusal(status, id, this.loop.clock))
    this.loop.refused(this, status, id)
    this.linger()
  }

  /** Ends our side and reads the rest away: closing at once would reset the connection and lose the answer. */
  private linger (): void {
    if (this.phase >= LINGER) return
    this.phase = LINGER
    this.deadlines.sinceMs = this.loop.clock.coarseMs
    this.stash.take()
    this.partial = ''
    this.exchange.active = false
    if (this.exchange.upstream !== null) this.exchange.upstream.detach(this.exchange, false)
    this.outlet.flushNow()
    this.socket.end()
    this.adjustReading()
  }

  /** The upstream that had already answered broke off: the rest of the request is read for nobody. */
  uploadFailed (): void {
    this.exchange.body.discard()
    this.adjustReading()
  }

  /** Gives the socket away (WebSocket); what was read ahead goes with it. Only the end of it is still ours to see. */
  handOver (): Buffer {
    const early = this.stash.take() ?? Buffer.alloc(0)
    this.outlet.retire()
    this.closing = true
    readAsStream(this.socket)
    for (const event of ['data', 'drain', 'end']) this.socket.removeAllListeners(event)
    return early
  }

  /** Ends the connection in the middle of an answer, so that the client can tell that it is not whole. */
  cut (): void {
    this.outlet.flushNow()
    this.socket.destroy()
  }

  /**
   * The client has closed its side. It may be waiting for its answers (half-close), or be gone: the wire does not tell.
   * So what it asked before is still answered, but only while the upstream keeps talking.
   */
  ended (): void {
    this.inputEnded = true
    this.deadlines.inputEndedMs = this.loop.clock.coarseMs
    if (this.phase === HEAD && this.stash.empty) {
      if (this.partial === '') this.linger()
      else this.cut()
    } else if (this.phase === UPLOAD && !this.holding) this.cut()
  }

  /** The socket is gone. */
  closed (): void {
    const wasActive = this.exchange.active && this.phase < LINGER
    this.phase = CLOSED
    this.stash.take()
    this.loop.forget(this)
    if (wasActive) this.gateway.aborted(this.exchange)
    this.exchange.active = false
  }

  /** The client takes bytes again. */
  drained (): void {
    this.outlet.drained()
    this.exchange.upstream?.resume()
  }

  /** Reads from the client only what can be put somewhere. */
  adjustReading (): void {
    const { maxPipelinedBytes } = this.loop.options.limits
    const full = this.phase < LINGER && (this.stash.isFull(maxPipelinedBytes) || this.uploadFull())
    if (full === this.paused) return
    this.paused = full
    if (full) return void this.socket.pause()
    this.deadlines.lastReadMs = this.loop.clock.coarseMs
    this.socket.resume()
  }

  private uploadFull (): boolean {
    const { body, localHandler, upstream } = this.exchange
    // Who collects, or handles it here, has a limit of its own.
    return this.phase === UPLOAD && !body.collecting && localHandler === undefined &&
      (body.pendingBytes > MAX_PENDING_BYTES || (upstream !== null && upstream.outlet.blocked))
  }

  /** Looks at every deadline of this connection; called a few times a second. */
  sweep (nowMs: number): void {
    const { deadlines, exchange } = this
    if (this.phase === HEAD) this.sweepHead(nowMs)
    else if (this.phase === LINGER) {
      if (deadlines.lingered(nowMs) && !this.outlet.blocked) this.cut()
    } else {
      if (this.phase === UPLOAD && !this.paused && !this.holding) this.sweepBody(nowMs)
      if (this.inputEnded && deadlines.gone(nowMs, exchange.upstream?.lastReadMs ?? 0)) this.cut()
      if (exchange.active && this.phase < LINGER) this.gateway.sweep(exchange, nowMs)
    }
    if (deadlines.writeStuck(this.outlet.blocked, nowMs)) this.cut()
  }

  private sweepHead (nowMs: number): void {
    if (this.deadlines.headLate(nowMs)) this.refuse(408)
    else if (this.deadlines.idleLong(nowMs, this.requests > 0, this.loop.draining)) this.linger()
  }

  /** A stream upwards that is being answered already may rest: that is the upstream's business. */
  private sweepBody (nowMs: number): void {
    const { exchange } = this
    if (!this.deadlines.bodyLate(nowMs, exchange)) return
    if (exchange.answered) this.cut()
    else if (!exchange.responded) this.bodyFault(408)
  }
}
