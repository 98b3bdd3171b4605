/** Reads what the checks look at, from whatever can be asked for rows and for entries. */
import type { DocumentRow, OutboxRow, Stores } from './rows.ts'

export type Query = <Row>(sql: string) => Row[]

/** The entries of a key-value store whose keys begin with a prefix. */
export type Entries = (prefix: string) => ReadonlyArray<{ readonly key: string, readonly value: string }>

/** A store of each service, and of the bus. */
export interface Sources {
  readonly orders: Query
  readonly users: Query
  readonly payments: Query
  readonly history: Query
  readonly bus: Query
  readonly inventory: Entries
  readonly stockViolations: string[] | undefined
}

const OUTBOX = 'SELECT id, kind, dest, grp, type, sent_at FROM outbox'
const INBOX = 'SELECT consumer, id FROM inbox'
const ANSWERS = 'SELECT scope, key, status, body FROM idempotency'

export function readRows ({ orders, users, payments, history, bus, inventory, stockViolations }: Sources): Stores {
  return {
    orders: { events: orders('SELECT * FROM events ORDER BY stream, version'),
      sagas: orders('SELECT subject, state FROM saga'), outbox: orders(OUTBOX), inbox: orders(INBOX),
      answers: orders(ANSWERS),
      resends: count(orders, "note = 'no reply, sent again'"), timeouts: count(orders, "note LIKE 'no reply from%'") },
    users: { ids: users<{ id: string }>('SELECT id FROM users').map(row => row.id), answers: users(ANSWERS),
      outbox: users(OUTBOX) },
    payments: { entries: payments('SELECT tx, account, amount FROM entries'),
      accounts: payments('SELECT id, kind, balance FROM accounts'),
      payments: payments('SELECT order_id, state, amount FROM payments'), outbox: payments(OUTBOX),
      inbox: payments(INBOX) },
    inventory: readInventory(inventory),
    history: { documents: readDocumentRows(history) },
    dead: bus('SELECT queue, msg_id, error FROM dead'),
    stockViolations
  }
}

function count (orders: Query, steps: string): number {
  return orders<{ n: number }>(`SELECT count(*) AS n FROM saga_log WHERE ${steps}`)[0]!.n
}

const GENERATION = "SELECT active FROM projection WHERE name = 'orders'"

/** What readers of the order history get. */
export function readDocumentRows (history: Query): DocumentRow[] {
  return history('SELECT id, user_id, status, version, doc FROM order_documents ' +
    `WHERE generation = (${GENERATION}) ORDER BY id`)
}

/** The generation of it. */
export function readActiveGeneration (history: Query): number {
  return history<{ active: number }>(GENERATION)[0]?.active ?? 0
}

function readInventory (entries: Entries): Stores['inventory'] {
  const values = <Value>(prefix: string): Value[] => entries(prefix).map(({ value }) => JSON.parse(value) as Value)
  const keys = (prefix: string): string[] => entries(prefix).map(({ key }) => key.slice(prefix.length))
  return {
    stocks: values('state/sku/'),
    reservations: values('state/order/'),
    inbox: keys('inbox/by-id/inventory/'),
    answers: keys('answer/by-key/').map(key => decodeURIComponent(key.split('/')[1] ?? '')),
    sent: values<OutboxRow>('outbox/sent/')
  }
}
