/**
 * What an operator sees and does: outbox, inbox, dead letters, sagas. Under /internal, which the service opens on its
 * management port or to loopback only.
 */
import type { FastifyInstance } from 'fastify'
import type { Messaging } from './messaging.ts'
import { sagaRoutes } from './saga/saga-routes.ts'
import type { Tx } from './store/store.ts'

const LIMIT = 100

/** Adds the routes to a service. The messaging is asked for per request, as in `commandRoute`. */
export function operatorRoutes<T extends Tx> (app: FastifyInstance, current: () => Messaging<T>): void {
  app.get('/internal/outbox', async () => outboxPage(current()))
  app.get('/internal/inbox', async () => ({ items: await current().store.inbox(LIMIT) }))
  app.get('/internal/queue', async () => current().stats())
  app.get('/internal/dlq', async () => ({ items: await current().dlq.list(LIMIT) }))
  app.post<{ Params: { id: string } }>('/internal/dlq/:id/redrive', async (request, reply) => {
    const count = await current().dlq.redrive(request.params.id === 'all' ? 'all' : [request.params.id])
    return reply.code(202).send({ count })
  })
  app.delete<{ Params: { id: string } }>('/internal/dlq/:id', async request =>
    ({ count: await current().dlq.drop([request.params.id]) }))
  app.delete<{ Params: { service: string, type: string } }>('/internal/subscriptions/:service/:type', async request => {
    await current().unsubscribe(request.params.service, request.params.type)
    return {}
  })
  sagaRoutes(app, () => current().sagas)
}

async function outboxPage<T extends Tx> (messaging: Messaging<T>): Promise<object> {
  const { outbox } = messaging.store
  const items = (await outbox.unsent(LIMIT)).map(({ body: _body, ...row }) => row)
  return { waiting: await outbox.count(), busUp: messaging.busUp, items }
}
