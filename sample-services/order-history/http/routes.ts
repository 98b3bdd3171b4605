/** The order history over HTTP: one order, or a list of them, and never a write. */
import type { SqlReader } from '@breakwater/messaging'
import { sendTagged } from '@breakwater/starter'
import type { FastifyInstance } from 'fastify'
import type { Arrivals } from '../arrivals.ts'
import type { OrderDocument } from '../domain/order-document.ts'
import { historyError } from '../errors.ts'
import { findDocument, searchDocuments, type Search } from '../store/document-store.ts'
import { readInstant } from './instant.ts'
import { LIST, READ } from './schemas.ts'

/** Commits of this instance wake who waits; with a shared store another instance's are found by looking. */
const LOOK_MS = 100

export function historyRoutes (app: FastifyInstance, reader: SqlReader, arrivals: Arrivals): void {
  app.get<{ Params: { id: string }, Querystring: { minVersion?: number, waitMs?: number } }>(
    '/order-history/:id', { schema: READ }, async (request, reply) => {
      const { minVersion, waitMs = 0 } = request.query
      const wanted = minVersion ?? (waitMs > 0 ? 1 : 0)
      const document = await waitFor(reader, arrivals, request.params.id, wanted, waitMs)
      if (document === undefined && minVersion === undefined) throw historyError('ORDER_NOT_FOUND', [request.params.id])
      if (document === undefined || document.version < wanted) {
        throw historyError('READ_MODEL_BEHIND', [request.params.id, wanted])
      }
      return sendTagged(request, reply, String(document.version), document)
    })
  app.get<{ Querystring: Omit<Search, 'before'> & { cursor?: string } }>(
    '/order-history', { schema: LIST }, async request => {
      const { cursor, from, to, limit, ...search } = request.query
      const asOf = new Date(arrivals.clock.now()).toISOString()
      const items = await searchDocuments(reader, { ...search, limit: limit + 1,
        from: instantOf('from', from), to: instantOf('to', to), before: readCursor(cursor) })
      const page = items.slice(0, limit)
      return { items: page, nextCursor: items.length > page.length ? writeCursor(page.at(-1)!) : null, asOf }
    })
}

async function waitFor (
  reader: SqlReader, arrivals: Arrivals, id: string, version: number, waitMs: number
): Promise<OrderDocument | undefined> {
  if (version === 0) return findDocument(reader, id)
  const { clock } = arrivals
  const deadline = clock.elapsed() + waitMs
  for (;;) {
    const listening = arrivals.listen(id)
    try {
      const document = await findDocument(reader, id)
      const left = deadline - clock.elapsed()
      if ((document?.version ?? 0) >= version || left <= 0) return document
      await listening.next(Math.min(left, LOOK_MS))
    } finally {
      listening.end()
    }
  }
}

function instantOf (name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const instant = readInstant(text)
  if (instant === undefined) throw historyError('INSTANT', [name, text])
  return instant
}

const CURSOR = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([0-9a-f-]{36})$/

function writeCursor ({ placedAt, orderId }: OrderDocument): string {
  return Buffer.from(`${placedAt} ${orderId}`).toString('base64url')
}

function readCursor (cursor: string | undefined): Search['before'] {
  if (cursor === undefined) return undefined
  const [, placedAt, id] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? []
  if (placedAt === undefined || id === undefined) throw historyError('CURSOR')
  return { placedAt, id }
}
