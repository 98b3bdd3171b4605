/**
 * WebSocket: the one thing that leaves the road, and only with the instance's right 101. Until then a handshake is a
 * request like any other: tries, deadlines, filters and all that an answer other than 101 leads to are the road's.
 *
 * http-proxy 1.x and its forks smuggle chunked DELETE and OPTIONS bodies (CVE-2026-29057) in web(). So nothing is given
 * to it but two sockets whose ends have agreed on `websocket`, and web() is never called. h2c and other protocols are
 * not offered: their Upgrade field is dropped like any hop-by-hop field.
 */
import { createHash } from 'node:crypto'
import { Agent, type IncomingMessage } from 'node:http'
import { createProxyServer, type ProxyServer } from 'http-proxy'
import type { Loop } from '../loop.ts'
import { canonical } from '../routes/args.ts'
import type { Route } from '../routes/route.ts'
import type { UpstreamConnection } from '../upstream/upstream-connection.ts'
import type { HttpExchange } from './exchange.ts'
import type { ResponseHead } from './response-head.ts'
import type { WebSocketLeg } from './web-socket-leg.ts'

/** RFC 6455, 1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** As much of a request as ws() looks at; the one it makes of it is heard by nobody. */
const REQUEST = { method: 'GET', url: '/', httpVersion: '1.1', headers: { connection: 'upgrade', upgrade: 'websocket' } } as
  unknown as IncomingMessage
const TARGET = 'http://instance'

export class Upgrades {
  private readonly loop: Loop
  private readonly proxy: ProxyServer
  private readonly legs = new Set<WebSocketLeg>()
  private readonly told = new Set<string>()

  constructor (loop: Loop) {
    this.loop = loop
    this.proxy = createProxyServer({})
    // Errors of both sockets are told here, and thrown when nobody listens: a reset would end the process. What follows
    // from them comes with the sockets' ends.
    this.proxy.on('error', () => {})
  }

  /** Is the request to be passed on as a handshake? Where the route is not meant for it, it goes as a plain request. */
  wants (x: HttpExchange): boolean {
    if (!isWebSocketHandshake(x)) return false
    if (this.loop.options.webSocketsOnAnyRoute || isMeantForWebSockets(x.route)) return true
    this.tell(x.route.id)
    return false
  }

  /** Spring takes any route for a WebSocket's: whoever comes from there must learn why it does not work. */
  private tell (route: string): void {
    if (this.told.size >= 1_000 || this.told.has(route)) return
    this.told.add(route)
    this.loop.log('warn', 'a WebSocket handshake came to a route that is not meant for it and goes on as a plain request: ' +
      'give the route a uri of ws:, wss: or lb:ws:, or metadata websocket: true', { route })
  }

  /** The instance has agreed: from here on the client's socket and the connection belong to each other. */
  begin (x: HttpExchange, connection: UpstreamConnection, early: Buffer): void {
    const { client: { socket } } = x
    const agreement = Buffer.from(`${x.response.write(101)}connection: upgrade\r\nupgrade: websocket\r\n\r\n`, 'latin1')
    this.agreed(x)
    const leg = connection.handOver(x, agreement, early)
    this.legs.add(leg)
    leg.once('close', () => this.legs.delete(leg))
    const ahead = x.client.handOver()
    this.proxy.ws(REQUEST, socket, ahead, { target: TARGET, agent: new AgreedAgent(leg) }, () => leg.destroy())
    setImmediate(() => socket.resume())
    if (this.loop.draining) setImmediate(() => leg.goAway())
  }

  /** A tunnel has no deadlines: it may be silent as long as it likes. */
  private agreed (x: HttpExchange): void {
    const nowMs = this.loop.clock.now()
    x.deadlineMs = Infinity
    x.totalDeadlineMs = Infinity
    x.responded = true
    x.upgraded = true
    x.status = 101
    this.loop.gateway.tries.report(x, undefined, nowMs - x.tryStartedMs, nowMs)
    this.loop.gateway.tries.settleBreaker(x, false, nowMs)
  }

  /** In a drain both sides of each hear early that this one goes away. */
  drain (): void {
    for (const leg of this.legs) leg.goAway()
  }

  /** Whatever is left is cut. */
  stop (): void {
    for (const leg of this.legs) leg.destroy()
  }
}

/** Gives http-proxy the connection that there is. */
class AgreedAgent extends Agent {
  private readonly leg: WebSocketLeg

  constructor (leg: WebSocketLeg) {
    super()
    this.leg = leg
  }

  override createConnection (): WebSocketLeg {
    return this.leg
  }
}

/** A handshake of RFC 6455, section 4.1; anything else that asks for an upgrade is served without one. */
function isWebSocketHandshake (x: HttpExchange): boolean {
  const { head, body } = x
  return head.upgradeProtocol === 'websocket' && head.method === 'GET' && head.http11 && body.done &&
    head.contentLength <= 0 && x.header('sec-websocket-key') !== undefined
}

function isMeantForWebSockets ({ target, definition: { metadata } }: Route): boolean {
  if (target.kind !== 'cluster') return false
  return target.webSocket || Object.entries(metadata).some(([key, value]) => canonical(key) === 'websocket' && String(value) === 'true')
}

/** RFC 6455, 4.1: the answer to the key that was sent, and to no other. */
export function isAgreement (x: HttpExchange, { lines, upgrade }: ResponseHead): boolean {
  if (!x.wantsUpgrade || !upgrade) return false
  const accept = createHash('sha1').update(`${x.header('sec-websocket-key')}${ACCEPT_GUID}`).digest('base64')
  const [given, ...more] = lines.all('sec-websocket-accept')
  return given === accept && more.length === 0 && lines.get('upgrade')?.toLowerCase() === 'websocket'
}
