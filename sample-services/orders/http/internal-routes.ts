/** For the read model and for checkers: streams, the audit. */
import type { SqlCommitted, SqlReader } from '@breakwater/messaging'
import type { FastifyInstance } from 'fastify'
import { readAll, readStream } from '../store/event-store.ts'

const limit = { type: 'integer', minimum: 1, maximum: 1000, default: 100 } as const
const place = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const
const stream = { querystring: { type: 'object', properties: { from: { ...place, minimum: 1, default: 1 } } } } as const
const feed = {
  querystring: { type: 'object', properties: { after: { ...place, default: 0 }, limit } }
} as const

export function internalRoutes (app: FastifyInstance, reader: SqlCommitted): void {
  app.get<{ Params: { id: string }, Querystring: { from: number } }>(
    '/internal/streams/order/:id', { schema: stream }, async request =>
      ({ items: await readStream(reader, request.params.id, request.query.from) }))
  app.get<{ Querystring: { after: number, limit: number } }>('/internal/streams/order', { schema: feed },
    async request => ({ items: await readAll(reader, request.query.after, request.query.limit) }))
  app.get('/internal/audit', async () => audit(reader))
}

/** Sums that a checker compares with what the clients saw. */
async function audit (reader: SqlReader): Promise<object> {
  const events = await reader.all('SELECT type, count(*) AS count FROM events GROUP BY type ORDER BY type')
  const states = await reader.all('SELECT state, count(*) AS count FROM saga GROUP BY state ORDER BY state')
  return { events, sagas: states }
}
