/** The listening socket of one event loop: admits connections within the limits, and wires each to what it speaks. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { Certificates } from './certificates.ts'
import { error } from './errors.ts'
import { readingIntoShared } from './http1/accepted-socket.ts'
import { ClientConnection } from './http1/client-connection.ts'
import { Peer, TrustedProxies } from './http1/peer.ts'
import type { Loop } from './loop.ts'
import type { ConnectionCounts } from './shared/connection-counts.ts'
import { clientCertificate, type ClientCertificate } from './security/client-certificate.ts'

/**
 * Listening sockets of one loop, where they can share the port. libuv accepts one connection of each a turn: with a
 * single one, those who connect to a busy loop wait a turn for each that came before them, which adds up to seconds.
 */
const ACCEPTORS = 32
const BACKLOG = 4_096
/** Half-open: a client may end its side after its last request and still be answered. */
const SOCKET = { noDelay: true, allowHalfOpen: true }

export class Listener {
  private readonly loop: Loop
  private readonly server: Server
  private readonly others: readonly Server[]
  private readonly proxies: TrustedProxies
  private readonly certificates: Certificates | undefined
  /** Whatever they speak, and also while they shake hands. */
  private readonly counts: ConnectionCounts

  constructor (loop: Loop, counts: ConnectionCounts) {
    this.loop = loop
    this.counts = counts
    this.proxies = new TrustedProxies(loop.options.forwarded.trustedProxies)
    const { tls } = loop.options
    this.certificates = tls === undefined ? undefined : new Certificates(tls, loop.log)
    this.server = this.certificates === undefined ? this.plainServer() : this.tlsServer(this.certificates)
    this.others = loop.options.reusePort ? Array.from({ length: ACCEPTORS - 1 }, () => this.acceptor()) : []
  }

  /** Another ear on the same port; what it accepts is the server's. */
  private acceptor (): Server {
    const pauseOnConnect = this.certificates === undefined
    return createServer({ ...SOCKET, pauseOnConnect }, (socket) => { this.server.emit('connection', socket) })
  }

  private plainServer (): Server {
    return createServer({ ...SOCKET, pauseOnConnect: true }, (accepted) => {
      let client: ClientConnection | undefined = undefined
      const socket = readingIntoShared(accepted, this.loop, (bytes) => client!.read(bytes))
      if (this.admit(socket)) client = this.serve(socket, this.peerOf(socket, false))
    })
  }

  private tlsServer (certificates: Certificates): Server {
    const { http2, tls } = this.loop.options
    const server = createTlsServer({
      ...certificates.options(),
      handshakeTimeout: tls!.handshakeTimeoutMs,
      ALPNProtocols: http2 ? ['h2', 'http/1.1'] : ['http/1.1'],
      ...SOCKET
    }, (socket: TLSSocket) => {
      const shown = socket.getPeerX509Certificate()
      // Asked for only, a certificate may be missing; one of an unknown authority is refused as where it is required.
      if (shown !== undefined && !socket.authorized) return this.refuse(socket)
      const peer = this.peerOf(socket, true, shown === undefined ? undefined : clientCertificate(shown))
      if (socket.alpnProtocol === 'h2') this.loop.http2.take(socket, peer, Buffer.alloc(0))
      else this.serve(socket, peer)
    })
    // Before the handshake: that is the expensive part which limits are there to spare.
    server.on('connection', (socket: Socket) => this.admit(socket))
    // Also when the time for it is over: Node tells, and leaves the socket open.
    server.on('tlsClientError', (_fault, socket) => this.refuse(socket))
    certificates.onChange((context) => server.setSecureContext(context))
    return server
  }

  private refuse (socket: TLSSocket): void {
    this.loop.counters.breakwater_gateway_tls_errors_total++
    socket.destroy()
  }

  /** Resolves with the port. */
  async listen (port: number): Promise<number> {
    await this.bind(this.server, port)
    const { port: bound } = this.server.address() as AddressInfo
    for (const other of this.others) await this.bind(other, bound)
    return bound
  }

  private async bind (server: Server, port: number): Promise<void> {
    const { host, reusePort } = this.loop.options
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(error('E_GATEWAY_LISTEN', [`${host}:${port}`, cause.message], { cause })))
      server.listen({ host, port, reusePort, backlog: BACKLOG }, resolve)
    })
  }

  /** No new connections; the open ones are not touched. */
  close (): void {
    for (const server of [this.server, ...this.others]) server.close()
    this.certificates?.close()
  }

  private peerOf (socket: Socket, secure: boolean, certificate?: ClientCertificate): Peer {
    const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket
    const ends = { address: remoteAddress, port: remotePort, localAddress, localPort, secure, certificate }
    return new Peer(ends, this.loop.options.forwarded, this.proxies)
  }

  private serve (socket: Socket, peer: Peer): ClientConnection {
    const client = new ClientConnection(socket, peer, this.loop)
    this.loop.attach(client, socket)
    return client
  }

  private admit (socket: Socket): boolean {
    const address = socket.remoteAddress
    const leave = address === undefined ? undefined : this.counts.enter(address)
    if (leave === undefined) {
      this.loop.counters.breakwater_gateway_connections_refused_total++
      socket.destroy()
      return false
    }
    this.loop.counters.breakwater_gateway_connections_total++
    socket.once('close', leave)
    return true
  }
}
