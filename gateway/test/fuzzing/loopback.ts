/**
 * The gateway's real road without sockets: bytes are handed to a client's or an upstream's connection in any pieces,
 * in one go, and what came of them is looked at. So the checks meet the code that serves, not a copy of it.
 */
import { Duplex } from 'node:stream'
import { DATA_PLANE_DEFAULTS } from '../../data-plane-options.ts'
import { ClientConnection } from '../../http1/client-connection.ts'
import type { HttpExchange } from '../../http1/exchange.ts'
import { Peer, TrustedProxies } from '../../http1/peer.ts'
import { RequestTurns } from '../../http1/request-turns.ts'
import { Loop } from '../../loop.ts'
import type { Route, RouteTarget } from '../../routes/route.ts'
import { Pool, type AcquireResult } from '../../upstream/pool.ts'
import { UpstreamConnection } from '../../upstream/upstream-connection.ts'
import type { Instance } from '../../upstream/upstream.ts'

/** Lines of a head: not what is looked at here. */
const MANY = 1_000

/** A socket that takes everything and keeps it. */
export class Sink extends Duplex {
  written = Buffer.alloc(0)

  constructor () {
    super({ decodeStrings: true })
    this.on('error', () => {})
  }

  override _read (): void {}

  override _write (chunk: Buffer, _encoding: string, done: () => void): void {
    this.written = Buffer.concat([this.written, chunk])
    done()
  }
}

export function routeTo (target: RouteTarget): Route {
  return {
    id: 'fuzz', index: 0, definition: { id: 'fuzz', uri: '', order: 0, enabled: true, predicates: [], filters: [], metadata: {} },
    predicates: [], filters: [], requestFilters: [], responseFilters: [], replyFilters: [], finishFilters: [],
    insteadFilter: undefined,
    target, breaker: undefined,
    fallback: undefined, failureStatuses: null, retry: undefined, hedge: undefined, bulkhead: undefined,
    connectTimeoutMs: 1_000, responseTimeoutMs: 0, totalTimeoutMs: 0, maxRequestBytes: 0, http2: undefined
  }
}

export function loopWith (target: RouteTarget): Loop {
  const limits = { ...DATA_PLANE_DEFAULTS.limits, maxHeaders: MANY }
  const upstream = { ...DATA_PLANE_DEFAULTS.upstream, maxHeaders: MANY }
  const loop = new Loop({ ...DATA_PLANE_DEFAULTS, limits, upstream, emptySegments: 'keep' }, () => {})
  const route = routeTo(target)
  loop.gateway.swap({ routes: [route], match: () => route })
  // A case is tried in hundreds of pieces within one turn of the event loop.
  return Object.assign(loop, { requestTurns: new RequestTurns(Infinity) })
}

const PROXIES = new TrustedProxies([])
const ENDS = { address: '127.0.0.1', port: 1, localAddress: '127.0.0.1', localPort: 2, secure: false, certificate: undefined }

export function clientOf (loop: Loop): { readonly client: ClientConnection, readonly socket: Sink } {
  const socket = new Sink()
  const peer = new Peer(ENDS, loop.options.forwarded, PROXIES)
  const client = new ClientConnection(socket, peer, loop)
  loop.attach(client, socket)
  return { client, socket }
}

/** Nothing of this client is waited for any more. */
export function dismiss ({ client, socket }: ReturnType<typeof clientOf>): void {
  client.closed()
  socket.destroy()
}

/** A pool whose connections the test feeds. */
export class FedPool extends Pool {
  connection: UpstreamConnection | undefined = undefined
  released = false

  override acquire (exchange: HttpExchange): AcquireResult {
    const connection = new UpstreamConnection(new Sink(), this, 0)
    connection.connected = true
    connection.begin(exchange)
    exchange.upstream = connection
    this.connection = connection
    this.released = false
    return 'attached'
  }

  override release (): void {
    this.released = true
  }

  override forget (): void {}
}

export function fedInstance (): Instance {
  return { id: 'i', host: 'h', port: 1, secure: false, authority: 'h:1', hostLine: 'host: h:1\r\n', zone: undefined, metadata: {},
    written: true, http2: undefined, active: 0, pool: undefined }
}

/** Where to cut: [length] gives the whole, every position gives single bytes. */
export function pieces (bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const found: Buffer[] = []
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    if (cut > from) found.push(bytes.subarray(from, cut))
    from = Math.max(from, cut)
  }
  return found
}

export function everyPosition (bytes: Buffer): number[] {
  return Array.from(bytes, (_, at) => at)
}
