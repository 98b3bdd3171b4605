/**
 * HTTP/2 from clients: by ALPN on TLS, by prior knowledge (h2c without Upgrade) on plain sockets. Node's nghttp2 speaks
 * the protocol; each stream is bridged onto the HTTP/1.1 road.
 */
import {
  constants, createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream,
  type ServerOptions
} from 'node:http2'
import type { Duplex } from 'node:stream'
import { ClientConnection } from '../http1/client-connection.ts'
import type { Peer } from '../http1/peer.ts'
import { ResponseHead } from '../http1/response-head.ts'
import type { Loop } from '../loop.ts'
import { Bridge } from './bridge.ts'
import { FrameWatch } from './frame-watch.ts'
import { outlive } from './outliving.ts'
import { WatchedSocket } from './watched-socket.ts'

const MAX_STREAMS = 128
/** A session that has ended says so to its client; one that does not read even that is cut. */
const LINGER_MS = 5_000

interface Arriving { readonly socket: Duplex, readonly peer: Peer, readonly watch: FrameWatch }

/** What is known of a session beside what Node knows. */
interface Watched {
  readonly peer: Peer
  readonly watch: FrameWatch
  /** Streams that are open, and since when there has been none. */
  streams: number
  idleSinceMs: number
}

export class Http2Front {
  private readonly loop: Loop
  private readonly server: Http2Server
  private readonly sessions = new Map<ServerHttp2Session, Watched>()
  /** Of the socket whose session is about to begin: `session` is emitted before `emit('connection')` returns. */
  private arriving: Arriving | undefined = undefined

  constructor (loop: Loop) {
    this.loop = loop
    const { maxHeadBytes, maxHeaders } = loop.options.limits
    // Node's own defence against rapid reset (CVE-2023-44487) stays on: it ends sessions that reset too fast.
    // Whether a field may be repeated is between the instance and the client: Node would throw where it says no.
    this.server = createServer({
      strictSingleValueFields: false,
      settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: maxHeadBytes, enableConnectProtocol: false },
      maxHeaderListPairs: maxHeaders
    } as ServerOptions)
    this.server.on('session', (session) => this.begin(session))
    this.server.on('stream', (stream, headers, flags, raw: readonly string[] = []) => {
      this.serve(stream as ServerHttp2Stream, headers, flags, raw)
    })
    this.server.on('sessionError', () => {})
  }

  /** Prior knowledge (RFC 9113, 3.3). */
  isPreface (text: string): boolean {
    return this.loop.options.http2 && text.startsWith('PRI * HTTP/2.0\r\n\r\n')
  }

  /** The socket speaks HTTP/2; `early` was read already. */
  take (socket: Duplex, peer: Peer, early: Buffer): void {
    const { clock, options: { limits } } = this.loop
    const watch = new FrameWatch(limits, clock.coarseMs)
    this.arriving = { socket, peer, watch }
    socket.on('error', () => {})
    if (early.length > 0) socket.unshift(early)
    const watched = new WatchedSocket(socket, (bytes) => watch.take(bytes, clock.coarseMs))
    watched.on('error', () => {})
    this.server.emit('connection', watched)
    this.arriving = undefined
  }

  private begin (session: ServerHttp2Session): void {
    if (this.arriving === undefined) return session.destroy()
    const { socket, peer, watch } = this.arriving
    this.sessions.set(session, { peer, watch, streams: 0, idleSinceMs: this.loop.clock.coarseMs })
    session.on('close', () => {
      this.sessions.delete(session)
      this.loop.left()
      if (socket.destroyed) return
      const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
      socket.once('close', () => clearTimeout(timer))
    })
    session.on('error', () => {})
    if (this.loop.draining) session.close()
  }

  private serve (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, raw: readonly string[]): void {
    // First of all: an error that nobody listens to ends the process, and any client can cause one by a reset.
    stream.on('error', () => {})
    const session = this.sessions.get(stream.session as ServerHttp2Session)
    if (session === undefined || stream.destroyed) return stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    outlive(stream.session!, stream)
    this.count(session, stream)
    const endOfStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
    const bridge = new Bridge(stream, new ResponseHead(this.loop.options.upstream, this.loop.dropped))
    this.loop.attach(new ClientConnection(bridge, session.peer, this.loop), bridge)
    bridge.start(raw, headers, endOfStream)
  }

  private count (session: Watched, stream: ServerHttp2Stream): void {
    session.streams++
    stream.once('close', () => {
      session.streams--
      session.idleSinceMs = this.loop.clock.coarseMs
    })
  }

  /** Ends those whose client takes too long for something, or asks for nothing (signs of life do not count). */
  sweep (nowMs: number): void {
    const { keepAliveTimeoutMs } = this.loop.options.limits
    for (const [session, { watch, streams, idleSinceMs }] of this.sessions) {
      if (watch.late(nowMs)) session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM)
      else if (streams === 0 && keepAliveTimeoutMs > 0 && nowMs - idleSinceMs > keepAliveTimeoutMs) session.close()
    }
  }

  get isEmpty (): boolean {
    return this.sessions.size === 0
  }

  /** GOAWAY: streams that run finish, new ones go elsewhere. */
  drain (): void {
    for (const session of this.sessions.keys()) session.close()
  }

  /** Whatever is left is cut. */
  stop (): void {
    for (const session of this.sessions.keys()) session.destroy()
  }
}
