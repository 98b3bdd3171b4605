/** Both sides of the gateway as raw bytes: an upstream that says what a test tells it, a client that hides nothing. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { Clock } from '../clock.ts'
import { DATA_PLANE_DEFAULTS, type DataPlaneOptions } from '../data-plane-options.ts'
import { ROUTING_DEFAULTS, type RoutingOptions } from '../options.ts'
import type { NamedArgs, RouteDefinition } from '../routes/route.ts'
import { createDataPlane, type DataPlaneParts } from '../workers/data-plane.ts'
import type { DataPlane } from '../workers/contract.ts'

const PATIENCE_MS = 90_000

type Found<T> = T | undefined | false

/** Waits until `check` gives something; fails after a generous time. */
export async function until<T> (check: () => Found<T> | Promise<Found<T>>, what: string): Promise<T> {
  const end = Date.now() + PATIENCE_MS
  for (;;) {
    const found = await check()
    if (found !== undefined && found !== false) return found
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/**
 * Time that stands still until the test lets some pass, however slow the machine is. What it does not rule are the
 * timers of Node's: pauses before retries and hedges, idle HTTP/2 sessions.
 */
export interface HeldClock extends Clock {
  /** Resolves when the event loop has looked at every deadline by the new time. */
  pass (ms: number): Promise<void>
}

export function heldClock (): HeldClock {
  let nowMs = 1_000_000
  const clock = new Clock(() => nowMs)
  const pass = async (ms: number): Promise<void> => {
    nowMs += ms
    await until(() => clock.coarseMs === nowMs, 'a sweep')
  }
  return Object.assign(clock, { pass })
}

/** Writes for as long as the other side takes it, without end; `took` hears how much that was. */
export function pour (into: Writable, took: (bytes: number) => void, piece = Buffer.alloc(65_536)): void {
  const more = (): void => {
    while (!into.destroyed) {
      took(piece.length)
      if (!into.write(piece)) return
    }
  }
  into.on('drain', more)
  more()
}

/** Waits until what was counted stays the same: whoever took it has stopped. */
export async function standstill (count: () => number): Promise<void> {
  let last = -1
  await until(() => {
    const now = count()
    if (now === last && now > 0) return true
    last = now
    return undefined
  }, 'the stream to stand still')
  await new Promise((resolve) => setTimeout(resolve, 200))
}

/** What one connection from the gateway brought. */
export class UpstreamPeer {
  readonly socket: Socket
  received = ''
  closed = false

  constructor (socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => { this.received += chunk.toString('latin1') })
    socket.on('error', () => {})
    socket.on('close', () => { this.closed = true })
  }

  /** Complete heads that arrived, in order (bodies of requests must not contain an empty line). */
  get heads (): number {
    return this.received.split('\r\n\r\n').length - 1
  }
}

/** Answers once what the peer sent ends with `suffix`. */
export function answerAfter (peer: UpstreamPeer, suffix: string, answer: string): void {
  const look = (): void => {
    if (!peer.received.endsWith(suffix)) return
    peer.socket.off('data', look)
    peer.socket.write(answer, 'latin1')
  }
  peer.socket.on('data', look)
  look()
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

export class RawUpstream {
  readonly peers: UpstreamPeer[] = []
  /** Called when a head is complete; the default answers `200 ok`. `nth` counts heads on this connection from 1. */
  onHead: (peer: UpstreamPeer, nth: number) => void = (peer) => peer.socket.write(OK, 'latin1')
  readonly server: Server

  constructor () {
    this.server = createServer((socket) => {
      const peer = new UpstreamPeer(socket)
      this.peers.push(peer)
      let heads = 0
      socket.on('data', () => {
        for (; heads < peer.heads;) this.onHead(peer, ++heads)
      })
    })
  }

  async listen (): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get port (): number {
    return (this.server.address() as AddressInfo).port
  }

  get url (): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Everything that any connection brought. */
  get received (): string {
    return this.peers.map((peer) => peer.received).join('')
  }

  answerWith (bytes: string): void {
    this.onHead = (peer) => peer.socket.write(bytes, 'latin1')
  }

  reset (): void {
    for (const peer of this.peers) peer.socket.destroy()
    this.peers.length = 0
    this.onHead = (peer) => peer.socket.write(OK, 'latin1')
  }

  close (): void {
    this.reset()
    this.server.close()
  }
}

export class RawClient {
  readonly socket: Socket
  received = ''
  ended = false
  closed = false
  errorCode: string | undefined = undefined

  constructor (port: number, allowHalfOpen = true) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen, noDelay: true })
    this.socket.on('data', (chunk) => { this.received += chunk.toString('latin1') })
    this.socket.on('end', () => {
      this.ended = true
      this.socket.end()
    })
    this.socket.on('error', (fault: NodeJS.ErrnoException) => { this.errorCode = fault.code })
    this.socket.on('close', () => { this.closed = true })
  }

  send (text: string): this {
    this.socket.write(text, 'latin1')
    return this
  }

  async until (check: (received: string) => boolean, what = 'an answer'): Promise<string> {
    await until(() => check(this.received) || (this.closed ? 'closed' : undefined), `${what}; so far ${JSON.stringify(this.received)}`)
    return this.received
  }

  /** Waits for `count` whole answers with Content-Length. */
  async answers (count = 1): Promise<string[]> {
    await this.until((received) => split(received).length >= count)
    return split(this.received)
  }

  async end (): Promise<string> {
    await until(() => this.closed, 'the end of the connection')
    return this.received
  }
}

/** Resolves when the gateway has read what it was sent before: a later connection has had its answer. */
export async function caughtUp (port: number): Promise<void> {
  await new RawClient(port).send('?\r\n\r\n').end()
}

/** Whole answers with Content-Length (or without content) at the front of `text`. */
export function split (text: string): string[] {
  const answers: string[] = []
  let at = 0
  for (;;) {
    const end = text.indexOf('\r\n\r\n', at)
    if (end < 0) return answers
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(at, end))?.[1] ?? 0)
    if (text.length < end + 4 + length) return answers
    answers.push(text.slice(at, end + 4 + length))
    at = end + 4 + length
  }
}

export function statusOf (answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0)
}

export function named (name: string, args: Record<string, string> = {}): NamedArgs {
  return { name, args: Object.assign(Object.create(null) as Record<string, string>, args) }
}

export function route (id: string, uri: string, path: string, more: Partial<RouteDefinition> = {}): RouteDefinition {
  return {
    id, uri, order: 0, enabled: true, predicates: [named('Path', { 'patterns.0': path })], filters: [], metadata: {}, ...more
  }
}

export interface Started {
  readonly dataPlane: DataPlane
  readonly port: number
  readonly url: string
  readonly logged: string[]
  apply (routes: readonly RouteDefinition[], routing?: Partial<RoutingOptions>): Promise<void>
}

type Overrides = Omit<Partial<DataPlaneOptions>, 'limits' | 'upstream' | 'upstreamTls'> & {
  readonly limits?: Partial<DataPlaneOptions['limits']>
  readonly upstream?: Partial<DataPlaneOptions['upstream']>
  readonly upstreamTls?: Partial<DataPlaneOptions['upstreamTls']>
}

/** A data plane on a free port, in this thread unless told otherwise. */
export async function startDataPlane (routes: readonly RouteDefinition[], overrides: Overrides = {},
  parts: DataPlaneParts = {}): Promise<Started> {
  const logged: string[] = []
  const options: DataPlaneOptions = {
    ...DATA_PLANE_DEFAULTS,
    port: 0,
    sweepIntervalMs: 10,
    ...overrides,
    limits: { ...DATA_PLANE_DEFAULTS.limits, ...overrides.limits },
    // Long: a connection that a test sees closed was closed for its reason, and not because it lay idle.
    upstream: { ...DATA_PLANE_DEFAULTS.upstream, maxIdleTimeMs: 3_600_000, ...overrides.upstream },
    upstreamTls: { ...DATA_PLANE_DEFAULTS.upstreamTls, ...overrides.upstreamTls }
  }
  const dataPlane = createDataPlane(options, (level, message, fields) => {
    logged.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`)
  }, parts)
  const { port, url } = await dataPlane.start()
  const apply: Started['apply'] = async (definitions, routing = {}) => {
    await dataPlane.apply({
      routes: definitions, defaultFilters: [], options: { ...ROUTING_DEFAULTS, ...routing }, instances: {}
    } as object)
  }
  await apply(routes)
  return { dataPlane, port, url, logged, apply }
}
