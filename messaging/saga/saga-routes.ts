/** Sagas for operators: those that are open or stuck, the history of one, its command again, its cancellation. */
import type { FastifyInstance } from 'fastify'
import { messagingError } from '../errors.ts'
import type { SagaBook, SagaFilter } from './saga-book.ts'

const text = { type: 'string', minLength: 1, maxLength: 128 } as const
const LIST = { querystring: { type: 'object', additionalProperties: false, properties: {
  type: text, state: text, stuck: { type: 'boolean' },
  limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100 }
} } } as const
const params = { type: 'object', properties: { id: text } } as const
const CANCEL = { params, body: { type: 'object', required: ['reason'], additionalProperties: false,
  properties: { reason: text } } } as const

/** Adds the routes. A service without sagas has an empty list of them. */
export function sagaRoutes (app: FastifyInstance, current: () => SagaBook | undefined): void {
  const book = (id: string): SagaBook => {
    const sagas = current()
    if (sagas === undefined) throw messagingError('E_SAGA_MISSING', [id])
    return sagas
  }
  app.get<{ Querystring: SagaFilter }>('/internal/sagas', { schema: LIST }, async request => {
    const sagas = current()
    if (sagas === undefined) return { open: 0, stuck: 0, failing: 0, unknown: 0, items: [] }
    return { ...await sagas.counts(), items: await sagas.list(request.query) }
  })
  app.get<{ Params: { id: string } }>('/internal/sagas/:id', { schema: { params } },
    async ({ params: { id } }) => book(id).find(id))
  app.post<{ Params: { id: string } }>('/internal/sagas/:id/resend', { schema: { params } },
    async ({ params: { id } }, reply) => {
      await book(id).resend(id)
      return reply.code(202).send(await book(id).find(id))
    })
  app.post<{ Params: { id: string }, Body: { reason: string } }>('/internal/sagas/:id/cancel', { schema: CANCEL },
    async ({ params: { id }, body: { reason } }, reply) => {
      await book(id).cancel(id, reason)
      return reply.code(202).send(await book(id).find(id))
    })
}
