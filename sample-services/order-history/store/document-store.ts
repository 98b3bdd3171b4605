/** Documents, with the columns that lists are filtered by beside them. */
import type { SqlReader, SqlTx, SqlValue } from '@breakwater/messaging'
import type { OrderDocument } from '../domain/order-document.ts'

export const DOCUMENT_TABLES = `
CREATE TABLE IF NOT EXISTS documents (
  id TEXT PRIMARY KEY, user_id TEXT NOT NULL, status TEXT NOT NULL, placed_at TEXT NOT NULL, version {{int}} NOT NULL,
  generation {{int}} NOT NULL, doc {{json}} NOT NULL
) {{strict}};
CREATE INDEX IF NOT EXISTS documents_placed ON documents (placed_at, id);
CREATE INDEX IF NOT EXISTS documents_user ON documents (user_id, placed_at, id);
`

export async function findDocument (reader: SqlReader, id: string): Promise<OrderDocument | undefined> {
  const row = await reader.get<{ doc: unknown }>('SELECT doc FROM documents WHERE id = ?', id)
  return row === undefined ? undefined : parse(row.doc)
}

export async function putDocument (tx: SqlTx, document: OrderDocument, generation: number): Promise<void> {
  await tx.run(`INSERT INTO documents (id, user_id, status, placed_at, version, generation, doc)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET status = excluded.status, version = excluded.version,
    generation = excluded.generation, doc = excluded.doc`,
  document.orderId, document.userId, document.status, document.placedAt, document.version, generation,
  JSON.stringify(document))
}

/** What a rebuild did not meet is no order any more. */
export async function sweepDocuments (tx: SqlTx, generation: number): Promise<void> {
  await tx.run('DELETE FROM documents WHERE generation < ?', generation)
}

export interface Search {
  readonly userId?: string
  readonly status?: string
  readonly from?: string
  readonly to?: string
  readonly limit: number
  /** The last order of the page before. */
  readonly before?: { readonly placedAt: string, readonly id: string } | undefined
}

/** The newest first; a page begins behind the last one, so that new orders shift nothing. */
export async function searchDocuments (reader: SqlReader, search: Search): Promise<OrderDocument[]> {
  const conditions: string[] = []
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
  const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const rows = await reader.all<{ doc: unknown }>(
    `SELECT doc FROM documents ${filter} ORDER BY placed_at DESC, id DESC LIMIT ?`, ...params, search.limit)
  return rows.map(row => parse(row.doc))
}

/** sqlite gives text back, PostgreSQL's jsonb an object. */
function parse (doc: unknown): OrderDocument {
  return typeof doc === 'string' ? JSON.parse(doc) as OrderDocument : doc as OrderDocument
}
