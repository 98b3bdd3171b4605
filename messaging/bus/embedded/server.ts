/**
 * The embedded bus over loopback HTTP: its own small process, so that it can die without taking a service along and
 * no two processes write one file. Receives wait (long poll) and are woken by what arrives.
 */
import { fastify, type FastifyInstance } from 'fastify'
import { systemClock, type Clock } from '../../clock.ts'
import type { Outgoing } from '../bus.ts'
import type { BusBook, Settlement } from './book.ts'
import { Waiting } from './waiting.ts'

/** A batch of ten messages of the greatest size, and the JSON around them. */
const BODY_LIMIT = 4 * 1024 * 1024
const MAX_WAIT_MS = 20_000

const name = { type: 'string', minLength: 1, maxLength: 128 } as const
const message = {
  type: 'object',
  required: ['id', 'dedupe', 'group', 'type', 'body'],
  properties: { id: name, dedupe: { type: 'string', minLength: 1, maxLength: 300 }, group: name,
    type: { type: 'string', minLength: 1, maxLength: 200 }, body: { type: 'string', maxLength: 262144 } }
} as const
const messages = {
  type: 'object', required: ['messages'],
  properties: { messages: { type: 'array', minItems: 1, maxItems: 100, items: message } }
} as const
const receive = {
  type: 'object',
  properties: {
    max: { type: 'integer', minimum: 1, maximum: 100, default: 10 },
    waitMs: { type: 'integer', minimum: 0, maximum: MAX_WAIT_MS, default: 0 },
    visibilityMs: { type: 'integer', minimum: 100, maximum: 43_200_000, default: 30_000 }
  }
} as const
const settle = {
  type: 'object', required: ['settlements'],
  properties: { settlements: { type: 'array', maxItems: 100, items: {
    type: 'object', required: ['group', 'receipt', 'verdict'],
    properties: { group: name, receipt: name, verdict: { enum: ['done', 'retry', 'dead'] },
      delayMs: { type: 'integer', minimum: 0, maximum: 43_200_000 }, error: { type: 'string', maxLength: 2000 } }
  } } }
} as const

interface QueueParams { queue: string }

/** The routes; the caller listens and closes. */
export function busServer (book: BusBook, clock: Clock = systemClock): FastifyInstance {
  const app = fastify({ bodyLimit: BODY_LIMIT })
  const waiting = new Waiting(book, clock)
  app.addHook('onClose', async () => {
    waiting.close()
    await book.close()
  })
  app.get('/health', async () => ({ status: 'UP' }))
  publishing(app, book, waiting)
  consuming(app, book, waiting)
  deadLetters(app, book, waiting)
  return app
}

function publishing (app: FastifyInstance, book: BusBook, waiting: Waiting): void {
  app.put<{ Params: { topic: string, queue: string }, Body: { types: string[] } }>(
    '/topics/:topic/subscriptions/:queue', async request => {
      await book.subscribe(request.params.topic, request.params.queue, request.body.types)
      return {}
    })
  app.post<{ Params: { topic: string }, Body: { messages: Outgoing[] } }>(
    '/topics/:topic', { schema: { body: messages } }, async request => {
      for (const queue of await book.publish(request.params.topic, request.body.messages)) waiting.wake(queue)
      return {}
    })
  app.post<{ Params: QueueParams, Body: { messages: Outgoing[] } }>(
    '/queues/:queue', { schema: { body: messages } }, async request => {
      for (const queue of await book.send(request.params.queue, request.body.messages)) waiting.wake(queue)
      return {}
    })
}

function consuming (app: FastifyInstance, book: BusBook, waiting: Waiting): void {
  app.post<{ Params: QueueParams, Body: { max: number, waitMs: number, visibilityMs: number } }>(
    '/queues/:queue/receive', { schema: { body: receive } }, async request => {
      const { max, waitMs, visibilityMs } = request.body
      const gone = () => request.raw.socket.destroyed
      return { messages: await waiting.receive(request.params.queue, max, waitMs, visibilityMs, gone) }
    })
  app.post<{ Params: QueueParams, Body: { settlements: Settlement[] } }>(
    '/queues/:queue/settle', { schema: { body: settle } }, async request => {
      const stale = await book.settle(request.params.queue, request.body.settlements)
      waiting.wake(request.params.queue)
      return { stale }
    })
  app.post<{ Params: QueueParams, Body: { group: string, receipt: string, ms: number } }>(
    '/queues/:queue/extend', async request => {
      const { group, receipt, ms } = request.body
      await book.extend(request.params.queue, group, receipt, ms)
      return {}
    })
}

function deadLetters (app: FastifyInstance, book: BusBook, waiting: Waiting): void {
  app.get<{ Params: QueueParams, Querystring: { limit?: number } }>('/queues/:queue/dead', async request =>
    ({ items: await book.dead(request.params.queue, Math.min(Number(request.query.limit ?? 100), 1000)) }))
  app.post<{ Params: QueueParams, Body: { ids: string[] | 'all' } }>('/queues/:queue/dead/redrive', async request => {
    const count = await book.redrive(request.params.queue, request.body.ids)
    waiting.wake(request.params.queue)
    return { count }
  })
  app.post<{ Params: QueueParams, Body: { ids: string[] } }>('/queues/:queue/dead/drop', async request =>
    ({ count: await book.drop(request.params.queue, request.body.ids) }))
  app.get('/queues', async () => ({ items: await Promise.all((await book.queues()).map(queue => book.stats(queue))) }))
  app.get<{ Params: QueueParams }>('/queues/:queue', async request => book.stats(request.params.queue))
}
