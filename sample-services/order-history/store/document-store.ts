/**
 * Documents, with the columns that lists are filtered by beside them. While the read model is built anew there are two
 * generations of them; readers get the one that the projection calls active.
 */
import { activeGeneration, type SqlReader, type SqlTx, type SqlValue } from '@breakwater/messaging'
import type { OrderDocument } from '../domain/order-document.ts'

export const PROJECTION = 'orders'

export const DOCUMENT_TABLES = `
CREATE TABLE IF NOT EXISTS order_documents (
  generation {{int}} NOT NULL, id TEXT NOT NULL, user_id TEXT NOT NULL, status TEXT NOT NULL, placed_at TEXT NOT NULL,
  version {{int}} NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (generation, id)
) {{strict}};
CREATE INDEX IF NOT EXISTS order_documents_placed ON order_documents (generation, placed_at, id);
CREATE INDEX IF NOT EXISTS order_documents_user ON order_documents (generation, user_id, placed_at, id);
`

const ACTIVE = activeGeneration(PROJECTION)

/** The document that readers get. */
export async function findDocument (reader: SqlReader, id: string): Promise<OrderDocument | undefined> {
  const row = await reader.get<{ doc: string }>(
    `SELECT doc FROM order_documents WHERE generation = ${ACTIVE} AND id = ?`, id)
  return row === undefined ? undefined : parse(row.doc)
}

/** The document as one generation has it. */
export async function documentOf (
  reader: SqlReader, id: string, generation: number
): Promise<OrderDocument | undefined> {
  const row = await reader.get<{ doc: string }>(
    'SELECT doc FROM order_documents WHERE generation = ? AND id = ?', generation, id)
  return row === undefined ? undefined : parse(row.doc)
}

export async function putDocument (tx: SqlTx, document: OrderDocument, generation: number): Promise<void> {
  await tx.run(`INSERT INTO order_documents (generation, id, user_id, status, placed_at, version, doc)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (generation, id) DO UPDATE SET status = excluded.status,
    version = excluded.version, doc = excluded.doc`,
  generation, document.orderId, document.userId, document.status, document.placedAt, document.version,
  JSON.stringify(document))
}

/** Removes up to `limit` documents of a generation; returns how many. */
export function forgetDocuments (tx: SqlTx, generation: number, limit: number): Promise<number> {
  return tx.run('DELETE FROM order_documents WHERE generation = ? AND id IN ' +
    '(SELECT id FROM order_documents WHERE generation = ? LIMIT ?)', generation, generation, limit)
}

export interface Search {
  readonly userId?: string
  readonly status?: string
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly limit: number
  /** The last order of the page before. */
  readonly before?: { readonly placedAt: string, readonly id: string } | undefined
}

/** The newest first; a page begins behind the last one, so that new orders shift nothing. */
export async function searchDocuments (reader: SqlReader, search: Search): Promise<OrderDocument[]> {
  const conditions: string[] = [`generation = ${ACTIVE}`]
  const params: SqlValue[] = []
  const where = (sql: string, ...values: Array<string | undefined>): void => {
    const given = values.filter(value => value !== undefined)
    if (given.length < values.length) return
    conditions.push(sql)
    params.push(...given)
  }
  where('user_id = ?', search.userId)
  where('status = ?', search.status)
  where('placed_at >= ?', search.from)
  where('placed_at < ?', search.to)
  where('(placed_at, id) < (?, ?)', search.before?.placedAt, search.before?.id)
  const rows = await reader.all<{ doc: string }>(
    `SELECT doc FROM order_documents WHERE ${conditions.join(' AND ')} ORDER BY placed_at DESC, id DESC LIMIT ?`, ...params, search.limit)
  return rows.map(row => parse(row.doc))
}

function parse (doc: string): OrderDocument {
  return JSON.parse(doc) as OrderDocument
}
