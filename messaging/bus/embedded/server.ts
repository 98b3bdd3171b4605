/**
 * The embedded bus over loopback HTTP: its own small process, so that it can die without taking a service along and
 * no two processes write one file. Receives wait (long poll) and are woken by what arrives.
 */
import { actuator, type ActuatorOptions, type Health } from '@breakwater/starter/actuator'
import { createValidatorBuilder, REQUEST_TIMEOUT_MS } from '@breakwater/starter/http'
import { guardDoor, type Authenticator } from '@breakwater/starter/security'
import { fastify, type FastifyInstance } from 'fastify'
import { systemClock, type Clock } from '../../clock.ts'
import { MAX_MESSAGE_BYTES } from '../../envelope.ts'
import { messagingError } from '../../errors.ts'
import type { Outgoing } from '../bus.ts'
import type { BusBook } from './book.ts'
import { BookBroker, type Broker, type ReceiveOptions } from './broker.ts'
import { IDENTITY_HEADER } from './identity.ts'
import { MAX_CALL_BYTES } from './limits.ts'
import { busMetrics } from './metrics.ts'
import * as schemas from './schemas.ts'
import type { Received, Settlement } from './settlement.ts'

interface InQueue { Params: { queue: string } }
interface InTopic { Params: { topic: string, queue: string } }

const inQueue = { params: schemas.inQueue }
const inTopic = { params: schemas.inTopic }

export interface BusServerOptions {
  /** @default the machine's */
  readonly clock?: Clock
  /** Who may do what. Default: this machine everything. */
  readonly auth?: Authenticator
  /** What /actuator shows and of whom. Default: there is none. */
  readonly operating?: Pick<ActuatorOptions, 'settings' | 'log'>
}

/** The routes; the caller listens and closes. */
export function busServer (
  book: BusBook, { clock = systemClock, auth, operating }: BusServerOptions = {}
): FastifyInstance {
  const app = fastify({ bodyLimit: MAX_CALL_BYTES, requestTimeout: REQUEST_TIMEOUT_MS,
    schemaController: { compilersFactory: { buildValidator: createValidatorBuilder() } } })
  const broker = new BookBroker(book, clock)
  guardDoor(app, auth?.door ?? { local: true, hosts: [] })
  app.addHook('onClose', () => broker.close())
  if (operating !== undefined) void app.register(actuator, { ...operating, ...looksOf(book), ...authorizedBy(auth) })
  void app.register(async scope => {
    if (auth !== undefined) askWho(scope, auth)
    sayWho(scope, book)
    scope.post('/check', async () => book.check())
    topics(scope, book)
    sending(scope, broker)
    consuming(scope, broker)
    deadLetters(scope, broker, book)
  })
  return app
}

/** A full disk makes nobody start the bus anew: it still hands out, and takes again when consumers have caught up. */
function looksOf (book: BusBook): Pick<ActuatorOptions, 'health' | 'metrics'> {
  const disk = async (): Promise<Health> => ({ status: 'UP', details: { bytes: await book.bytes(), maxBytes: book.maxBytes } })
  return { health: new Map([['disk', disk]]), metrics: () => busMetrics(book) }
}

function authorizedBy (auth: Authenticator | undefined): Pick<ActuatorOptions, 'authorize'> {
  return auth === undefined ? {} : { authorize: async (request, role) => { await auth.check(request, role) } }
}

/** Looking takes the role `read`, and all that sends, takes or settles `write`. */
function askWho (app: FastifyInstance, auth: Authenticator): void {
  const guards = { read: auth.requireRole('read'), write: auth.requireRole('write') }
  app.addHook('onRequest', (request, reply) =>
    guards[request.method === 'GET' || request.method === 'HEAD' ? 'read' : 'write'](request, reply))
}

/** Whoever means the bus that was here before must not take this one for it: nobody has subscribed here. */
function sayWho (app: FastifyInstance, book: BusBook): void {
  app.addHook('onRequest', async ({ headers }, reply) => {
    await book.ready()
    reply.header(IDENTITY_HEADER, book.identity)
    const meant = headers[IDENTITY_HEADER]
    if (meant !== undefined && meant !== book.identity) throw messagingError('E_BUS_RENEWED')
  })
}

function topics (app: FastifyInstance, book: BusBook): void {
  app.get('/topics', async () => ({ items: await book.directory.topics() }))
  app.put<InTopic & { Body: { types: string[] } }>('/topics/:topic/subscriptions/:queue',
    { schema: { ...inTopic, body: schemas.types } }, async ({ params, body }) => {
      await book.directory.subscribe(params.topic, params.queue, body.types)
      return {}
    })
  app.delete<InTopic & { Querystring: { type?: string | string[] } }>('/topics/:topic/subscriptions/:queue',
    { schema: { ...inTopic, querystring: schemas.someTypes } }, async ({ params, query }) => {
      await book.directory.unsubscribe(params.topic, params.queue, [query.type ?? []].flat())
      return {}
    })
}

function sending (app: FastifyInstance, broker: Broker): void {
  app.put<InQueue>('/queues/:queue', { schema: inQueue }, async ({ params }) => {
    await broker.provision(params.queue)
    return {}
  })
  app.post<InTopic & { Body: { messages: Outgoing[] } }>('/topics/:topic',
    { schema: { ...inTopic, body: schemas.messages } }, async ({ params, body }) => {
      refuseOdd(body.messages)
      const { wanted } = await broker.publish(params.topic, body.messages)
      return { wanted }
    })
  app.post<InQueue & { Body: { messages: Outgoing[] } }>('/queues/:queue',
    { schema: { ...inQueue, body: schemas.messages } }, async ({ params, body }) => {
      refuseOdd(body.messages)
      const { wanted } = await broker.send(params.queue, body.messages)
      return { wanted }
    })
}

/** What a schema does not say: bytes, and that half of a surrogate pair would come back as another one. */
function refuseOdd (messages: readonly Outgoing[]): void {
  for (const message of messages) {
    const bytes = Buffer.byteLength(message.body)
    if (bytes > MAX_MESSAGE_BYTES) throw messagingError('E_MESSAGE_TOO_LARGE', [message.type, bytes])
    if (!Object.values(message).every(text => typeof text !== 'string' || text.isWellFormed())) {
      throw messagingError('E_MESSAGE_TEXT', [message.type])
    }
  }
}

function consuming (app: FastifyInstance, broker: Broker): void {
  app.post<InQueue & { Body: ReceiveOptions }>('/queues/:queue/receive',
    { schema: { ...inQueue, body: schemas.receive } }, async ({ params: { queue }, body }, reply) => {
      // Who hung up must get nothing, and gives back what was on the way: it would be nobody's until its time is up.
      const gone = new AbortController()
      let messages: readonly Received[] = []
      reply.raw.once('close', () => {
        if (reply.raw.writableFinished) return
        gone.abort()
        broker.settle(queue, messages.map(({ group, receipt }) => ({ group, receipt, verdict: 'untried' }))).catch(() => {})
      })
      messages = await broker.receive(queue, body, gone.signal)
      return { messages }
    })
  app.post<InQueue & { Body: { settlements: Settlement[] } }>('/queues/:queue/settle',
    { schema: { ...inQueue, body: schemas.settle } }, async ({ params, body }) =>
      ({ stale: await broker.settle(params.queue, body.settlements) }))
  app.post<InQueue & { Body: { group: string, receipt: string, ms: number } }>('/queues/:queue/extend',
    { schema: { ...inQueue, body: schemas.extend } }, async ({ params, body }) => {
      await broker.extend(params.queue, body.group, body.receipt, body.ms)
      return {}
    })
  app.post<InQueue & { Body: { consumer: string, working: string[] } }>('/queues/:queue/leave',
    { schema: { ...inQueue, body: schemas.leave } }, async ({ params, body }) => {
      await broker.leave(params.queue, body.consumer, body.working)
      return {}
    })
}

function deadLetters (app: FastifyInstance, broker: BookBroker, book: BusBook): void {
  app.get<InQueue & { Querystring: { limit: number } }>('/queues/:queue/dead',
    { schema: { ...inQueue, querystring: schemas.aLimit } }, async ({ params, query }) =>
      ({ items: await broker.dead(params.queue, query.limit) }))
  app.post<InQueue & { Body: { ids: string[] | 'all' } }>('/queues/:queue/dead/redrive',
    { schema: { ...inQueue, body: schemas.redrive } }, async ({ params, body }) =>
      ({ count: await broker.redrive(params.queue, body.ids) }))
  app.post<InQueue & { Body: { ids: string[] } }>('/queues/:queue/dead/drop',
    { schema: { ...inQueue, body: schemas.drop } }, async ({ params, body }) =>
      ({ count: await broker.drop(params.queue, body.ids) }))
  app.get('/queues', async () => ({ items: await broker.all(), bytes: await book.bytes() }))
  app.get<InQueue>('/queues/:queue', { schema: inQueue }, async ({ params }) => broker.stats(params.queue))
}
