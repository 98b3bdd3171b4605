/**
 * WebSocket: the one thing that leaves the fast lane. The socket is handed, with the request as the route made it, to a
 * node:http server that never listens, and from its `upgrade` event to http-proxy's ws(), which tunnels once the
 * upstream has said 101.
 *
 * http-proxy 1.x and its forks smuggle chunked DELETE and OPTIONS bodies (CVE-2026-29057) in web(). So nothing but a
 * bodiless GET that asks for `websocket` comes here, and web() is never called. h2c and other protocols are not
 * offered: their Upgrade field is dropped like any hop-by-hop field.
 */
import { createServer, type ClientRequest, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { createProxyServer, type ProxyServer, type ServerOptions } from 'http-proxy'
import type { Loop } from '../loop.ts'
import type { HttpExchange } from './exchange.ts'
import { upstreamHead } from './upstream-head.ts'

interface Leg {
  readonly exchange: HttpExchange
  readonly serial: number
  request: ClientRequest | undefined
}

export class Upgrades {
  private readonly loop: Loop
  private readonly server: Server
  private readonly proxy: ProxyServer
  private readonly legs = new WeakMap<object, Leg>()

  constructor (loop: Loop) {
    this.loop = loop
    this.proxy = createProxyServer({})
    // Errors of the client's socket are told here, and thrown when nobody listens: a reset would end the process.
    // What follows from them comes with the socket's end.
    this.proxy.on('error', () => {})
    this.proxy.on('proxyReqWs', (request, _incoming, socket) => this.sent(request, socket))
    this.server = createServer((request) => request.socket.destroy())
    this.server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => this.tunnel(request, socket, head))
    // The gateway's own deadlines watch the handshake; after it a tunnel may be silent as long as it likes.
    this.server.headersTimeout = 0
    this.server.requestTimeout = 0
    this.server.timeout = 0
  }

  /** An instance is picked. The hand-over waits until the client's last chunk is put away: it may hold early frames. */
  start (x: HttpExchange): void {
    x.upgraded = true
    const { serial } = x
    setImmediate(() => {
      if (x.serial === serial && x.active) this.handOver(x)
    })
  }

  /** From here on the socket belongs to http-proxy. */
  private handOver (x: HttpExchange): void {
    const socket = x.client.socket as Socket
    this.legs.set(socket, { exchange: x, serial: x.serial, request: undefined })
    const early = x.client.handOver()
    this.server.emit('connection', socket)
    socket.unshift(Buffer.concat([Buffer.from(upstreamHead(x, this.loop), 'latin1'), early]))
    setImmediate(() => socket.resume())
  }

  private tunnel (request: IncomingMessage, socket: Socket, head: Buffer): void {
    const leg = this.legs.get(socket)
    if (leg === undefined) return void socket.destroy()
    const { host, port, secure } = leg.exchange.instance!
    const target = `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
    // A copy each time: http-proxy writes into it.
    const ssl = secure ? { ssl: { ...this.loop.tls } } : {}
    const options: ServerOptions = { target, secure: !this.loop.options.upstreamTls.insecure, ...ssl }
    this.proxy.ws(request, socket, head, options, (fault) => this.failed(leg, fault))
  }

  /** http-proxy has made the request to the instance. */
  private sent (request: ClientRequest, socket: object): void {
    const leg = this.legs.get(socket)
    if (leg === undefined) return
    leg.request = request
    request.once('upgrade', () => this.answered(leg, 101))
    request.once('response', (response) => this.answered(leg, response.statusCode ?? 502))
  }

  private answered ({ exchange, serial }: Leg, status: number): void {
    if (exchange.serial !== serial || !exchange.active) return
    const nowMs = this.loop.clock.now()
    exchange.deadlineMs = Infinity
    exchange.totalDeadlineMs = Infinity
    exchange.responded = true
    exchange.status = status
    this.loop.gateway.tries.report(exchange, undefined, nowMs - exchange.tryStartedMs, nowMs)
    this.loop.gateway.tries.settleBreaker(exchange, false, nowMs)
  }

  /**
   * Before the answer it is a 502 (http-proxy ends the socket right after this call, so there is no second try); after
   * it the tunnel just ends.
   */
  private failed ({ exchange, serial }: Leg, fault: Error): void {
    if (exchange.serial !== serial || !exchange.active || exchange.responded) return
    this.loop.gateway.tries.failed(exchange, 'connect', fault.message)
    exchange.client.outlet.flushNow()
  }

  /** The handshake took too long, or the client left: the request to the instance goes too. */
  abandon (x: HttpExchange): void {
    this.legs.get(x.client.socket)?.request?.destroy()
  }
}

/** A handshake of RFC 6455, section 4.1; anything else that asks for an upgrade is served without one. */
export function isWebSocketHandshake (x: HttpExchange): boolean {
  const { head, body } = x
  return head.upgrade && head.upgradeProtocol === 'websocket' && head.method === 'GET' && head.http11 && body.done &&
    head.contentLength <= 0 && x.header('sec-websocket-key') !== undefined
}
