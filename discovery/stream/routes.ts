import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { StartWindow } from '../registry/start-window.ts'
import type { Hub } from './hub.ts'
import type { Interest } from './interest.ts'
import { Subscription } from './subscription.ts'

/** What `GET /eureka/stream` may be asked. */
interface StreamQuery {
  readonly apps?: string
  readonly index?: string
  readonly wait?: string
}

/** When readers are sent away. */
export interface StreamLimits {
  /** More readers than this. */
  readonly max: number
  /** While it is closed, a snapshot would have readers forget everybody. */
  readonly window: StartWindow
}

type StreamRequest = FastifyRequest<{ Querystring: StreamQuery }>

const DEFAULT_WAIT_MS = 30_000
const MAX_WAIT_MS = 600_000
const MAX_APPS = 1000
/**
 * Written to the socket itself, and what follows, too: without a length the body ends with the connection, so an
 * event is the same bytes for every reader and one system call for each, where chunks would take three pieces.
 * nginx would collect events until its buffer is full, unless told not to.
 */
const STREAM_HEAD = Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n' +
  'cache-control: no-store\r\nx-accel-buffering: no\r\nconnection: close\r\n\r\n')
const DURATION = /^(\d{1,6})(ms|s|m)?$/
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }

/** The push stream: server-sent events for who accepts them, else one answer that waits for a change. */
export function streamRoutes (server: FastifyInstance, hub: Hub, { max, window }: StreamLimits): void {
  // HEAD would be given a body, and it has nothing to tell.
  server.get<{ Querystring: StreamQuery }>('/eureka/stream', { exposeHeadRoute: false }, (request, reply) => {
    const interest = readInterest(request.query.apps)
    const waitMs = readWait(request.query.wait)
    if (interest === null || waitMs === undefined) return reply.code(400).send()
    // Clients try again elsewhere or fall back to polling; a registry that takes all of them serves none.
    if (hub.subscribers >= max || !window.isOpen) return reply.code(503).header('retry-after', '5').send()
    if (request.headers.accept?.includes('text/event-stream')) return stream(hub, request, reply, interest)
    return poll(hub, request, reply, interest, waitMs)
  })
}

function stream (hub: Hub, request: StreamRequest, reply: FastifyReply, interest: Interest): void {
  reply.hijack()
  const { socket } = request.raw
  socket.setNoDelay(true)
  socket.write(STREAM_HEAD)
  const resumed = hub.position(lastIndex(request))
  const subscription = new Subscription(socket, interest, resumed ?? 0, hub.now)
  socket.on('drain', () => hub.drained(subscription))
  socket.on('close', () => hub.unsubscribe(subscription))
  hub.subscribe(subscription, resumed)
}

function poll (
  hub: Hub, request: StreamRequest, reply: FastifyReply, interest: Interest, waitMs: number
): FastifyReply {
  reply.type('application/json').header('cache-control', 'no-store')
  const waiter = hub.poll(lastIndex(request), interest, body => { reply.send(body) })
  if (waiter === undefined) return reply
  const timer = setTimeout(() => hub.expire(waiter), waitMs)
  reply.raw.on('close', () => {
    clearTimeout(timer)
    hub.forget(waiter)
  })
  return reply
}

/** A browser's reconnect names the place in a header; everybody else in the query. */
function lastIndex (request: StreamRequest): string | undefined {
  const header = request.headers['last-event-id']
  return (Array.isArray(header) ? header[0] : header) ?? request.query.index
}

/** null when the list is too long to be meant. */
function readInterest (apps: string | undefined): Interest | null {
  if (apps === undefined || apps === '') return undefined
  const names = apps.split(',', MAX_APPS + 1)
  return names.length > MAX_APPS ? null : new Set(names.map(name => name.trim().toUpperCase()))
}

/** `30s`, `500ms`, `1m` or seconds, as Consul's blocking queries take it; undefined when it is none of these. */
function readWait (wait: string | undefined): number | undefined {
  if (wait === undefined) return DEFAULT_WAIT_MS
  const match = DURATION.exec(wait)
  return match === null ? undefined : Math.min(Number(match[1]) * UNIT_MS[match[2] ?? 's']!, MAX_WAIT_MS)
}
