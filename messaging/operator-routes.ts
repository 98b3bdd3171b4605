/**
 * What an operator sees and does: outbox, inbox, dead letters, messages left to others, sagas. Under /internal, which
 * the service opens on its management port or to loopback only.
 */
import type { FastifyInstance } from 'fastify'
import { messagingError } from './errors.ts'
import type { Messaging } from './messaging.ts'
import { sagaRoutes } from './saga/saga-routes.ts'
import type { Tx } from './store/store.ts'

const limit = { type: 'integer', minimum: 1, maximum: 1000, default: 100 } as const
const LIST = { querystring: { type: 'object', additionalProperties: false, properties: { limit } } } as const
/** The bus's own handles may be long. */
const ID = { params: { type: 'object', properties: { id: { type: 'string', minLength: 1, maxLength: 2048 } } } } as const
const SEQ = { params: { type: 'object', properties: { seq: { type: 'string', pattern: '^(all|[0-9]{1,15})$' } } } } as const

const TYPE = { params: { type: 'object', properties: {
  service: { type: 'string', minLength: 1, maxLength: 64 }, type: { type: 'string', minLength: 1, maxLength: 200 }
} } } as const

type List = { Querystring: { limit: number } }
type ById = { Params: { id: string } }
type ByType = { Params: { service: string, type: string } }
type BySeq = { Params: { seq: string } }

/** Adds the routes to a service. The messaging is asked for per request, as in `commandRoute`. */
export function operatorRoutes<T extends Tx> (app: FastifyInstance, current: () => Messaging<T>): void {
  outboxRoutes(app, current)
  deadLetterRoutes(app, current)
  app.get<List>('/internal/inbox', { schema: LIST }, async ({ query }) =>
    ({ items: await current().store.inbox(query.limit) }))
  app.post('/internal/store/verify', async () => {
    const { store } = current()
    await store.verify?.()
    return { store: store.description, verified: store.verify !== undefined }
  })
  app.get('/internal/queue', async () => current().stats())
  app.get<List>('/internal/held', { schema: LIST }, async ({ query }) => ({ items: current().held.list(query.limit) }))
  app.delete<ById>('/internal/held/:id', { schema: ID }, async ({ params: { id } }) => {
    if (!current().held.giveUp(id)) throw messagingError('E_NOT_FOUND', [`message ${id} left to others`])
    return { count: 1 }
  })
  app.delete<ByType>('/internal/subscriptions/:service/:type', { schema: TYPE }, async ({ params: { service, type } }) => {
    await current().unsubscribe(service, type)
    return {}
  })
  sagaRoutes(app, () => current().sagas)
}

function outboxRoutes<T extends Tx> (app: FastifyInstance, current: () => Messaging<T>): void {
  app.get<List>('/internal/outbox', { schema: LIST }, async ({ query }) => {
    const { store: { outbox }, busUp, troubles } = current()
    const items = (await outbox.unsent(query.limit)).map(({ body: _body, ...row }) => row)
    return { waiting: await outbox.count(), refused: await outbox.refused.count(), busUp, troubles, items }
  })
  app.get<List>('/internal/outbox/refused', { schema: LIST }, async ({ query }) =>
    ({ items: await current().store.outbox.refused.list(query.limit) }))
  app.post<BySeq>('/internal/outbox/refused/:seq/retry', { schema: SEQ }, async ({ params: { seq } }, reply) => {
    const { store, now } = current()
    return reply.code(202).send(found(await store.outbox.refused.retry(seqsOf(seq), now()), seq, 'refused message'))
  })
  app.delete<BySeq>('/internal/outbox/refused/:seq', { schema: SEQ }, async ({ params: { seq } }) =>
    found(await current().store.outbox.refused.drop(seqsOf(seq)), seq, 'refused message'))
}

function deadLetterRoutes<T extends Tx> (app: FastifyInstance, current: () => Messaging<T>): void {
  app.get<List>('/internal/dlq', { schema: LIST }, async ({ query }) => ({ items: await current().dlq.list(query.limit) }))
  app.post<ById>('/internal/dlq/:id/redrive', { schema: ID }, async ({ params: { id } }, reply) =>
    reply.code(202).send(found(await current().dlq.redrive(id === 'all' ? 'all' : [id]), id, 'dead letter')))
  app.delete<ById>('/internal/dlq/:id', { schema: ID }, async ({ params: { id } }) =>
    found(await current().dlq.drop([id]), id, 'dead letter'))
}

function seqsOf (text: string): readonly number[] | 'all' {
  return text === 'all' ? 'all' : [Number(text)]
}

/** Throws E_NOT_FOUND when one was named and is not there. */
function found (count: number, id: string, what: string): { count: number } {
  if (count === 0 && id !== 'all') throw messagingError('E_NOT_FOUND', [`${what} ${id}`])
  return { count }
}
