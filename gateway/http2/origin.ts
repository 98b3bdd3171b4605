/**
 * HTTP/2 towards one instance: sessions that many exchanges share, by ALPN with TLS, by prior knowledge without.
 *
 * Each exchange gets a {@link Wire}. An instance that prefers HTTP/1.1 in the TLS handshake is served with that: the
 * wire then passes bytes to the socket as they are, and further ones get a socket each.
 */
import { connect as connectHttp2 } from 'node:http2'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Loop } from '../loop.ts'
import { dial, EITHER_HTTP } from '../upstream/dial.ts'
import type { Instance } from '../upstream/upstream.ts'
import { Wire, type Carrier } from './wire.ts'

/** Until the instance has said how many it takes (RFC 9113, 6.5.2: at least 100 are recommended). */
const USUAL_STREAMS = 100
const MAX_STREAMS = 1_000
/**
 * Servers end a session whose client gives up too many streams, with all that it carries (CVE-2023-44487; Node's at
 * 1,000 in a burst): it is retired before.
 */
const MAX_RESETS = 400

interface Shared extends Carrier {
  readonly socket: Socket
  /** Nothing came while somebody waited: it is asked for a sign of life, and carries nobody new before it gives one. */
  doubted: boolean
  active: number
}

export class Origin {
  private readonly instance: Instance
  private readonly loop: Loop
  private readonly sessions: Shared[] = []
  private readonly waiting: Wire[] = []
  private dialling = 0
  /** The last handshake ended with HTTP/1.1: sockets are not shared, so each wire dials its own. */
  private single = false

  constructor (instance: Instance, loop: Loop) {
    this.instance = instance
    this.loop = loop
  }

  /** `connect` is emitted when it may be written to; an instance that cannot be reached destroys it. */
  open (): Wire {
    const wire = new Wire()
    this.waiting.push(wire)
    wire.once('close', () => this.forget(wire))
    // The caller listens first.
    process.nextTick(() => this.serve())
    return wire
  }

  private forget (wire: Wire): void {
    const at = this.waiting.indexOf(wire)
    if (at >= 0) this.waiting.splice(at, 1)
  }

  /** Gives waiting wires their streams, and dials for those that get none. */
  private serve (): void {
    for (let shared = this.free(); shared !== undefined && this.waiting.length > 0; shared = this.free()) {
      this.assign(this.waiting.shift()!, shared)
    }
    const wanted = this.single ? this.waiting.length : Math.min(1, this.waiting.length)
    while (this.dialling < wanted) this.dial()
  }

  private free (): Shared | undefined {
    return this.sessions.find((shared) => !shared.doubted && shared.active < limitOf(shared))
  }

  private assign (wire: Wire, shared: Shared): void {
    shared.active++
    shared.carried++
    const { bytesRead } = shared.socket
    wire.once('close', () => {
      shared.active--
      if (shared.socket.bytesRead === bytesRead) this.doubt(shared)
      if (this.waiting.length > 0) this.serve()
    })
    wire.begin(shared)
  }

  /**
   * A network that swallows packets resets nothing. The kernel would find out in a quarter of an hour, and until then
   * each call would wait on this session for its deadline.
   */
  private doubt (shared: Shared): void {
    const { session } = shared
    if (shared.doubted || session.closed || session.destroyed) return
    shared.doubted = true
    session.ping(() => {
      shared.doubted = false
      this.serve()
    })
  }

  private dial (): void {
    this.dialling++
    this.loop.counters.breakwater_gateway_upstream_connections_total++
    const { secure } = this.instance
    const socket = dial(this.instance, { ...this.loop.tls, ...EITHER_HTTP }, this.loop.destinations)
    let fault = new Error('the connection was closed')
    const closed = (): void => this.unreachable(fault)
    socket.on('error', (cause) => { fault = cause })
    socket.once('close', closed)
    // Those that wait have their own deadlines; without this one the next would wait for the same dead end.
    const { upstream, upstreamTls } = this.loop.options
    socket.setTimeout(upstream.connectTimeoutMs, () => socket.destroy())
    if (secure) socket.once('connect', () => socket.setTimeout(upstreamTls.handshakeTimeoutMs))
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      socket.setTimeout(0)
      socket.off('close', closed)
      this.dialling--
      this.connected(socket, secure)
    })
  }

  private connected (socket: Socket | TLSSocket, secure: boolean): void {
    this.single = secure && (socket as TLSSocket).alpnProtocol !== 'h2'
    if (!this.single) this.share(socket)
    else if (this.waiting.length > 0) this.waiting.shift()!.splice(socket)
    else socket.destroy()
    this.serve()
  }

  private share (socket: Socket): void {
    const session = connectHttp2(`${this.instance.secure ? 'https' : 'http'}://instance`, {
      createConnection: () => socket,
      settings: { enablePush: false },
      strictSingleValueFields: false
    } as Parameters<typeof connectHttp2>[1])
    const shared: Shared = { session, socket, doubted: false, active: 0, carried: 0, resets: 0 }
    this.sessions.push(shared)
    this.loop.sessions.add(session)
    const leave = (): void => {
      const at = this.sessions.indexOf(shared)
      if (at >= 0) this.sessions.splice(at, 1)
    }
    // Streams that it took go on; the next ones find another session.
    session.on('goaway', leave)
    session.on('error', leave)
    session.on('close', () => {
      leave()
      this.loop.sessions.delete(session)
    })
    session.setTimeout(this.loop.options.upstream.maxIdleTimeMs, () => { if (shared.active === 0) session.close() })
  }

  /** Whoever waited learns why; the tries decide what follows. */
  private unreachable (fault: Error): void {
    this.dialling--
    const wires = this.single ? this.waiting.splice(0, 1) : this.waiting.splice(0)
    for (const wire of wires) wire.destroy(fault)
  }
}

function limitOf ({ resets, session }: Shared): number {
  if (session.closed || session.destroyed || resets >= MAX_RESETS) return 0
  const { maxConcurrentStreams } = session.remoteSettings
  return maxConcurrentStreams === undefined || maxConcurrentStreams > 0x7fff_ffff
    ? USUAL_STREAMS
    : Math.min(maxConcurrentStreams, MAX_STREAMS)
}
