/** The stores as they lie on the disk, read without a line of the services' code. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { open } from 'lmdb'
import { STOCK_WATCH } from '../platform/platform.ts'

export interface EventRow { stream: string, version: number, id: string, type: string, data: string, at: number }
export interface SagaRow { subject: string, state: string }
export interface OutboxRow { id: string, kind: string, dest: string, grp: string, type: string, sent_at: number | null }
export interface InboxRow { consumer: string, id: string }
export interface AnswerRow { scope: string, key: string, status: number, body: string }
export interface EntryRow { tx: string, account: string, amount: number }
export interface AccountRow { id: string, kind: string, balance: number }
export interface PaymentRow { order_id: string, state: string, amount: number }
export interface DocumentRow {
  id: string, user_id: string, status: string, version: number, generation: number, doc: string
}
export interface DeadRow { queue: string, msg_id: string, error: string }
export interface StockEntry { sku: string, onHand: number, reserved: number }
export interface ReservationEntry { orderId: string, state: string, lines: Array<{ sku: string, qty: number }> }

const DOCUMENTS = 'SELECT id, user_id, status, version, generation, doc FROM documents ORDER BY id'

export interface Stores {
  readonly orders: { events: EventRow[], sagas: SagaRow[], outbox: OutboxRow[], inbox: InboxRow[],
    answers: AnswerRow[] }
  readonly users: { ids: string[], answers: AnswerRow[], outbox: OutboxRow[] }
  readonly payments: { entries: EntryRow[], accounts: AccountRow[], payments: PaymentRow[], outbox: OutboxRow[],
    inbox: InboxRow[] }
  readonly inventory: { stocks: StockEntry[], reservations: ReservationEntry[], inbox: string[], answers: string[],
    sent: OutboxRow[] }
  readonly history: { documents: DocumentRow[] }
  readonly dead: DeadRow[]
  /** What was seen to be wrong right behind a transaction; undefined when nobody looked. */
  readonly stockViolations: string[] | undefined
}

/** `dir` is the run's folder. */
export async function readStores (runDir: string): Promise<Stores> {
  const dir = join(runDir, 'data')
  const outbox = 'SELECT id, kind, dest, grp, type, sent_at FROM outbox'
  const inbox = 'SELECT consumer, id FROM inbox'
  const answers = 'SELECT scope, key, status, body FROM idempotency'
  const [orders, users, payments, history, bus] = ['orders', 'users', 'payments', 'order-history', 'bus'].map(name =>
    reader(join(dir, name, `${name}.db`)))
  return {
    orders: { events: orders!('SELECT * FROM events ORDER BY stream, version'),
      sagas: orders!('SELECT subject, state FROM saga'), outbox: orders!(outbox), inbox: orders!(inbox),
      answers: orders!(answers) },
    users: { ids: users!<{ id: string }>('SELECT id FROM users').map(row => row.id), answers: users!(answers),
      outbox: users!(outbox) },
    payments: { entries: payments!('SELECT tx, account, amount FROM entries'),
      accounts: payments!('SELECT id, kind, balance FROM accounts'),
      payments: payments!('SELECT order_id, state, amount FROM payments'), outbox: payments!(outbox),
      inbox: payments!(inbox) },
    inventory: await readInventory(join(dir, 'inventory', 'inventory.lmdb')),
    history: { documents: history!(DOCUMENTS) },
    dead: bus!('SELECT queue, msg_id, error FROM dead'),
    stockViolations: linesOf(join(runDir, STOCK_WATCH))
  }
}

/** The read model while its service runs; another reader does not disturb it. */
export function readDocuments (runDir: string): DocumentRow[] {
  return reader(join(runDir, 'data', 'order-history', 'order-history.db'))(DOCUMENTS)
}

function linesOf (file: string): string[] | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(line => line !== '') : undefined
}

function reader (file: string): <Row>(sql: string) => Row[] {
  return <Row>(sql: string) => {
    const database = new DatabaseSync(file, { readOnly: true })
    try {
      return database.prepare(sql).all() as Row[]
    } finally {
      database.close()
    }
  }
}

async function readInventory (path: string): Promise<Stores['inventory']> {
  const database = open<string, string>({ path, encoding: 'string', noSubdir: true, readOnly: true })
  const values = <Value>(prefix: string): Value[] =>
    [...database.getRange({ start: prefix, end: `${prefix}\u{10FFFF}` })].map(entry => JSON.parse(entry.value) as Value)
  const keys = (prefix: string): string[] =>
    [...database.getKeys({ start: prefix, end: `${prefix}\u{10FFFF}` })].map(key => key.slice(prefix.length))
  try {
    return {
      stocks: values('state/sku/'),
      reservations: values('state/order/'),
      inbox: keys('inbox/by-id/inventory/'),
      answers: keys('answer/by-key/').map(key => decodeURIComponent(key.split('/')[1] ?? '')),
      sent: values<OutboxRow>('outbox/sent/')
    }
  } finally {
    await database.close()
  }
}
