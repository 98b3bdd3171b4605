/**
 * HTTP/2 from clients: by ALPN on TLS, by prior knowledge (h2c without Upgrade) on plain sockets. Node's nghttp2 speaks
 * the protocol; each stream is bridged onto the HTTP/1.1 road.
 */
import {
  constants, createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream
} from 'node:http2'
import { duplexPair, type Duplex } from 'node:stream'
import { ClientConnection } from '../http1/client-connection.ts'
import type { Peer } from '../http1/peer.ts'
import { ResponseHead } from '../http1/response-head.ts'
import type { Loop } from '../loop.ts'
import { Bridge, fieldLines } from './bridge.ts'

const MAX_STREAMS = 128

export class Http2Front {
  private readonly loop: Loop
  private readonly server: Http2Server
  private readonly sessions = new Map<ServerHttp2Session, Peer>()
  /** Of the socket whose session is about to begin: `session` is emitted before `emit('connection')` returns. */
  private arriving: Peer | undefined = undefined

  constructor (loop: Loop) {
    this.loop = loop
    const { maxHeadBytes, maxHeaders } = loop.options.limits
    // Node's own defence against rapid reset (CVE-2023-44487) stays on: it ends sessions that reset too fast.
    this.server = createServer({
      settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: maxHeadBytes, enableConnectProtocol: false },
      maxHeaderListPairs: maxHeaders
    })
    this.server.on('session', (session) => this.begin(session))
    this.server.on('stream', (stream, headers, flags) => this.serve(stream as ServerHttp2Stream, headers, flags))
    this.server.on('sessionError', () => {})
  }

  /** Prior knowledge (RFC 9113, 3.3). */
  isPreface (text: string): boolean {
    return this.loop.options.http2 && text.startsWith('PRI * HTTP/2.0\r\n\r\n')
  }

  /** The socket speaks HTTP/2; `early` was read already. */
  take (socket: Duplex, peer: Peer, early: Buffer): void {
    this.arriving = peer
    socket.on('error', () => {})
    if (early.length > 0) socket.unshift(early)
    this.server.emit('connection', socket)
    this.arriving = undefined
  }

  private begin (session: ServerHttp2Session): void {
    if (this.arriving === undefined) return session.destroy()
    this.sessions.set(session, this.arriving)
    session.on('close', () => this.sessions.delete(session))
    session.on('error', () => {})
    const idleMs = this.loop.options.limits.keepAliveTimeoutMs
    if (idleMs > 0) session.setTimeout(idleMs, () => session.close())
    if (this.loop.draining) session.close()
  }

  private serve (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number): void {
    const { ':method': method = '', ':path': target = '', ':authority': authority, host } = headers
    const peer = this.sessions.get(stream.session as ServerHttp2Session)
    if (peer === undefined) return stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    const endOfStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
    const chunked = !endOfStream && headers['content-length'] === undefined
    const [ours, theirs] = duplexPair()
    // RFC 9113, 8.3.1: when both are there they must agree; two Host lines make the strict parser refuse it.
    const hosts = [...new Set([authority, host].filter((one) => one !== undefined))].map((one) => `host: ${one}\r\n`).join('')
    const client = this.connection(theirs, peer)
    const bridge = new Bridge(stream, ours, new ResponseHead(this.loop.options.upstream, this.loop.dropped), method)
    theirs.on('close', () => bridge.lost())
    bridge.start(`${method} ${target} HTTP/1.1\r\n${hosts}${fieldLines(headers)}${chunked ? 'transfer-encoding: chunked\r\n' : ''}\r\n`,
      endOfStream, chunked)
    stream.on('close', () => { if (!client.exchange.answered) theirs.destroy() })
  }

  private connection (socket: Duplex, peer: Peer): ClientConnection {
    const client = new ClientConnection(socket, peer, this.loop)
    this.loop.attach(client, socket)
    return client
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
