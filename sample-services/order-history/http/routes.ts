/** The order history over HTTP: one order, or a list of them, and never a write. */
import type { Projection, SqlReader } from '@breakwater/messaging'
import type { FastifyInstance } from 'fastify'
import { setTimeout as delay } from 'node:timers/promises'
import type { OrderDocument } from '../domain/order-document.ts'
import { historyError } from '../errors.ts'
import { findDocument, searchDocuments, type Search } from '../store/document-store.ts'
import { LIST, READ } from './schemas.ts'

/** Between two looks for a version that is not there yet. */
const LOOK_MS = 5

export function historyRoutes (app: FastifyInstance, reader: SqlReader): void {
  app.get<{ Params: { id: string }, Querystring: { minVersion?: number, waitMs?: number } }>(
    '/order-history/:id', { schema: READ }, async request => {
      const { minVersion, waitMs = 0 } = request.query
      const wanted = minVersion ?? (waitMs > 0 ? 1 : 0)
      const document = await waitFor(reader, request.params.id, wanted, waitMs)
      if (document === undefined && minVersion === undefined) throw historyError('ORDER_NOT_FOUND', [request.params.id])
      if (document === undefined || document.version < wanted) {
        throw historyError('READ_MODEL_BEHIND', [request.params.id, wanted])
      }
      return document
    })
  app.get<{ Querystring: Omit<Search, 'before'> & { cursor?: string } }>(
    '/order-history', { schema: LIST }, async request => {
      const { cursor, ...search } = request.query
      const asOf = new Date().toISOString()
      const items = await searchDocuments(reader, { ...search, before: readCursor(cursor), limit: search.limit + 1 })
      const page = items.slice(0, search.limit)
      return { items: page, nextCursor: items.length > page.length ? writeCursor(page.at(-1)!) : null, asOf }
    })
}

/** For operators: reads every event again. */
export function projectionRoutes (app: FastifyInstance, name: string, projection: Projection): void {
  app.post<{ Params: { name: string } }>('/internal/projections/:name/rebuild', async (request, reply) => {
    if (request.params.name !== name) throw historyError('UNKNOWN_PROJECTION', [request.params.name])
    await projection.rebuild()
    return reply.code(202).send({ name })
  })
}

async function waitFor (
  reader: SqlReader, id: string, version: number, waitMs: number
): Promise<OrderDocument | undefined> {
  const deadline = performance.now() + waitMs
  for (;;) {
    const document = await findDocument(reader, id)
    if ((document?.version ?? 0) >= version || performance.now() >= deadline) return document
    await delay(LOOK_MS)
  }
}

function writeCursor ({ placedAt, orderId }: OrderDocument): string {
  return Buffer.from(`${placedAt} ${orderId}`).toString('base64url')
}

function readCursor (cursor: string | undefined): Search['before'] {
  if (cursor === undefined) return undefined
  const [placedAt, id, more] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ')
  if (placedAt === undefined || id === undefined || more !== undefined) throw historyError('CURSOR')
  return { placedAt, id }
}
