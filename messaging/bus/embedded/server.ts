/**
 * The embedded bus over loopback HTTP: its own small process, so that it can die without taking a service along and
 * no two processes write one file. Receives wait (long poll) and are woken by what arrives.
 */
import { fastify, type FastifyInstance } from 'fastify'
import { systemClock, type Clock } from '../../clock.ts'
import type { Outgoing } from '../bus.ts'
import type { BusBook, Received, Settlement } from './book.ts'
import { BookBroker, type Broker, type ReceiveOptions } from './broker.ts'

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
    visibilityMs: { type: 'integer', minimum: 100, maximum: 43_200_000, default: 30_000 },
    consumer: { type: 'string', maxLength: 128, default: '' }
  }
} as const
const settle = {
  type: 'object', required: ['settlements'],
  properties: { settlements: { type: 'array', maxItems: 100, items: {
    type: 'object', required: ['group', 'receipt', 'verdict'],
    properties: { group: name, receipt: name, verdict: { enum: ['done', 'wait', 'retry', 'dead', 'untried'] },
      delayMs: { type: 'integer', minimum: 0, maximum: 43_200_000 }, error: { type: 'string', maxLength: 2000 } }
  } } }
} as const

const leave = {
  type: 'object', required: ['consumer', 'working'],
  properties: { consumer: name, working: { type: 'array', maxItems: 10_000, items: name } }
} as const

interface QueueParams { queue: string }

/** The routes; the caller listens and closes. */
export function busServer (book: BusBook, clock: Clock = systemClock): FastifyInstance {
  const app = fastify({ bodyLimit: BODY_LIMIT })
  const broker = new BookBroker(book, clock)
  app.addHook('onClose', () => broker.close())
  app.get('/health', async () => ({ status: 'UP' }))
  publishing(app, broker)
  consuming(app, broker)
  deadLetters(app, broker)
  return app
}

function publishing (app: FastifyInstance, broker: Broker): void {
  app.put<{ Params: { topic: string, queue: string }, Body: { types: string[] } }>(
    '/topics/:topic/subscriptions/:queue', async request => {
      await broker.subscribe(request.params.topic, request.params.queue, request.body.types)
      return {}
    })
  app.delete<{ Params: { topic: string, queue: string }, Body: { types: string[] } }>(
    '/topics/:topic/subscriptions/:queue', async request => {
      await broker.unsubscribe(request.params.topic, request.params.queue, request.body.types)
      return {}
    })
  app.post<{ Params: { topic: string }, Body: { messages: Outgoing[] } }>(
    '/topics/:topic', { schema: { body: messages } }, async request => {
      await broker.publish(request.params.topic, request.body.messages)
      return {}
    })
  app.post<{ Params: QueueParams, Body: { messages: Outgoing[] } }>(
    '/queues/:queue', { schema: { body: messages } }, async request => {
      await broker.send(request.params.queue, request.body.messages)
      return {}
    })
}

function consuming (app: FastifyInstance, broker: Broker): void {
  app.post<{ Params: QueueParams, Body: ReceiveOptions }>(
    '/queues/:queue/receive', { schema: { body: receive } }, async (request, reply) => {
      const { queue } = request.params
      // Who hung up must get nothing, and gives back what was on the way: it would be nobody's until its time is up.
      const gone = new AbortController()
      let messages: readonly Received[] = []
      reply.raw.once('close', () => {
        if (reply.raw.writableFinished) return
        gone.abort()
        broker.settle(queue, messages.map(({ group, receipt }) => ({ group, receipt, verdict: 'untried' }))).catch(() => {})
      })
      messages = await broker.receive(queue, request.body, gone.signal)
      return { messages }
    })
  app.post<{ Params: QueueParams, Body: { settlements: Settlement[] } }>(
    '/queues/:queue/settle', { schema: { body: settle } }, async request =>
      ({ stale: await broker.settle(request.params.queue, request.body.settlements) }))
  app.post<{ Params: QueueParams, Body: { group: string, receipt: string, ms: number } }>(
    '/queues/:queue/extend', async request => {
      const { group, receipt, ms } = request.body
      await broker.extend(request.params.queue, group, receipt, ms)
      return {}
    })
  app.post<{ Params: QueueParams, Body: { consumer: string, working: string[] } }>(
    '/queues/:queue/leave', { schema: { body: leave } }, async request => {
      await broker.leave(request.params.queue, request.body.consumer, request.body.working)
      return {}
    })
}

function deadLetters (app: FastifyInstance, broker: BookBroker): void {
  app.get<{ Params: QueueParams, Querystring: { limit?: number } }>('/queues/:queue/dead', async request =>
    ({ items: await broker.dead(request.params.queue, Math.min(Number(request.query.limit ?? 100), 1000)) }))
  app.post<{ Params: QueueParams, Body: { ids: string[] | 'all' } }>('/queues/:queue/dead/redrive', async request =>
    ({ count: await broker.redrive(request.params.queue, request.body.ids) }))
  app.post<{ Params: QueueParams, Body: { ids: string[] } }>('/queues/:queue/dead/drop', async request =>
    ({ count: await broker.drop(request.params.queue, request.body.ids) }))
  app.get('/queues', async () => ({ items: await broker.all() }))
  app.get<{ Params: QueueParams }>('/queues/:queue', async request => broker.stats(request.params.queue))
}
