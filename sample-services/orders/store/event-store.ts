/** Orders as streams of events: append with the expected version, read one stream, read all in their order. */
import { messagingError, type SqlCommitted, type SqlReader, type SqlTx } from '@breakwater/messaging'
import { evolve, type Order, type OrderEvent } from '../domain/order.ts'

export const EVENT_TABLES = `
CREATE TABLE IF NOT EXISTS events (
  stream TEXT NOT NULL, version {{int}} NOT NULL, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, data TEXT NOT NULL,
  at {{int}} NOT NULL, pos {{int}} NOT NULL UNIQUE, PRIMARY KEY (stream, version)
) {{strict}};
{{line events.pos}};
`

/** An event as stored, and as /internal/streams tells it. */
export interface StoredEvent {
  readonly stream: string
  readonly version: number
  readonly id: string
  readonly type: string
  readonly data: Record<string, unknown>
  readonly at: number
  readonly pos: number
}

interface EventRow extends Omit<StoredEvent, 'data'> { data: string }

/** The version of the event; its id is the id of the message that tells of it. */
export interface NewEvent {
  readonly id: string
  readonly version: number
  readonly event: OrderEvent
  readonly at: number
}

/** Two commands at the same version: one of them is refused and must look again. */
export async function appendEvent (tx: SqlTx, orderId: string, { id, version, event, at }: NewEvent): Promise<void> {
  const rows = await tx.run(`INSERT INTO events (stream, version, id, type, data, at, pos)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  orderId, version, id, event.type, JSON.stringify(event.data), at, await tx.position('events'))
  if (rows !== 1) throw messagingError('E_STORE_CONFLICT', [], { where: orderId })
}

export async function loadOrder (reader: SqlReader, orderId: string): Promise<Order | undefined> {
  const events = await readStream(reader, orderId, 1)
  return events.reduce<Order | undefined>((order, event) => evolve(order, event as unknown as OrderEvent), undefined)
}

export async function readStream (reader: SqlReader, orderId: string, from: number): Promise<StoredEvent[]> {
  const rows = await reader.all<EventRow>(
    'SELECT * FROM events WHERE stream = ? AND version >= ? ORDER BY version', orderId, from)
  return rows.map(parse)
}

/**
 * Everything after a position, for building a read model from nothing. No further than the line is final: an event
 * that is not committed yet may have a lower position than one that is.
 */
export async function readAll (reader: SqlCommitted, after: number, limit: number): Promise<StoredEvent[]> {
  const settled = await reader.settled('events')
  const rows = await reader.all<EventRow>(
    'SELECT * FROM events WHERE pos > ? AND pos <= ? ORDER BY pos LIMIT ?', after, settled, limit)
  return rows.map(parse)
}

function parse (row: EventRow): StoredEvent {
  return { ...row, data: JSON.parse(row.data) as Record<string, unknown> }
}
