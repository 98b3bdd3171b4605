/** The listening socket of one event loop: admits connections within the limits, and wires each to its handler. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { ClientConnection } from './http1/client-connection.ts'
import { Peer, TrustedProxies } from './http1/peer.ts'
import type { Loop } from './loop.ts'
import { error } from './errors.ts'

export class Listener {
  private readonly loop: Loop
  private readonly server: Server
  private readonly proxies: TrustedProxies
  /** Open connections by address, while a limit is set. */
  private readonly perAddress = new Map<string, number>()

  constructor (loop: Loop) {
    this.loop = loop
    this.proxies = new TrustedProxies(loop.options.forwarded.trustedProxies)
    // Half-open: a client may end its side after its last request and still be answered.
    this.server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.admit(socket))
  }

  /** Resolves with the port. */
  async listen (port: number): Promise<number> {
    const { host, reusePort } = this.loop.options
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', (cause) => reject(error('E_GATEWAY_LISTEN', [`${host}:${port}`], { cause })))
      this.server.listen({ host, port, reusePort }, resolve)
    })
    return (this.server.address() as AddressInfo).port
  }

  /** No new connections; the open ones are not touched. */
  close (): void {
    this.server.close()
  }

  /** Nothing to reload without TLS. */
  reloadCertificates (): void {}

  private admit (socket: Socket): void {
    const address = socket.remoteAddress
    if (address === undefined || !this.count(address)) {
      this.loop.counters.breakwater_gateway_connections_refused_total++
      return void socket.destroy()
    }
    socket.once('close', () => this.uncount(address))
    this.serve(socket, new Peer(address, socket.remotePort ?? 0, false, this.loop.options.forwarded, this.proxies))
  }

  private serve (socket: Socket, peer: Peer): void {
    const client = new ClientConnection(socket, peer, this.loop)
    this.loop.add(client)
    socket.on('data', (chunk: Buffer) => client.read(chunk))
    socket.on('drain', () => client.drained())
    socket.on('end', () => client.ended())
    socket.on('close', () => client.closed())
    // Resets are told by 'close'; without a listener they would end the process.
    socket.on('error', () => {})
  }

  private count (address: string): boolean {
    const { maxConnections, maxConnectionsPerAddress } = this.loop.options.limits
    if (maxConnections > 0 && this.loop.clients.size >= maxConnections) return false
    const open = this.perAddress.get(address) ?? 0
    if (maxConnectionsPerAddress > 0 && open >= maxConnectionsPerAddress) return false
    this.perAddress.set(address, open + 1)
    return true
  }

  private uncount (address: string): void {
    const open = (this.perAddress.get(address) ?? 1) - 1
    if (open <= 0) this.perAddress.delete(address)
    else this.perAddress.set(address, open)
  }
}
