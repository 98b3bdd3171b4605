/** Outbox, inbox and idempotency keys in SQL, the same statements on sqlite and on PostgreSQL. */
import { hasCode, messagingError } from '../errors.ts'
import { purging, type Kind } from './purging.ts'
import { sqlRefused } from './sql-refused.ts'
import {
  inboxTime, seen, type Arrival, type Claim, type Outbox, type OutboxEntry, type OutboxRow, type SqlReader,
  type SqlValue, type Store, type StoredAnswer, type Tx
} from './store.ts'

export interface SqlRunner extends SqlReader {
  run (sql: string, ...params: readonly SqlValue[]): Promise<number>
}

/** A write, not a look: a disk that is full or read-only shows itself to nobody who only reads. */
export const CHECK = "INSERT INTO idempotency (scope, key, hash, status, body, at) VALUES ('check', '', '', 0, '', ?) " +
  'ON CONFLICT (scope, key) DO UPDATE SET at = excluded.at'

/** What one transaction writes for messaging. `now` stamps the rows; `onAppend` learns that the relay has work. */
export function sqlMessaging (sql: SqlRunner, now: () => number, onAppend: (rows: number) => void): Tx {
  return {
    outbox: { append: entries => append(sql, entries, now(), onAppend) },
    inbox: {
      claim: (consumer, id, arrival) => claim(sql, consumer, id, now(), arrival),
      keepReplies: async (consumer, id, replies) => {
        await sql.run('UPDATE inbox SET replies = ? WHERE consumer = ? AND id = ?', JSON.stringify(replies), consumer, id)
      }
    },
    idempotency: {
      get: (scope, key) => sql.get<StoredAnswer>(
        'SELECT hash, status, body, at FROM idempotency WHERE scope = ? AND key = ?', scope, key),
      put: async (scope, key, answer) => {
        const inserted = await sql.run('INSERT INTO idempotency (scope, key, hash, status, body, at) ' +
          'VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (scope, key) DO NOTHING',
        scope, key, answer.hash, answer.status, answer.body, answer.at)
        if (inserted !== 1) throw messagingError('E_STORE_CONFLICT')
      }
    }
  }
}

async function append (
  sql: SqlRunner, entries: readonly OutboxEntry[], at: number, onAppend: (rows: number) => void
): Promise<void> {
  for (const entry of entries) {
    // The same message with the same dedupe id is already on its way: sending it once is what was asked.
    await sql.run('INSERT INTO outbox (id, dedupe, kind, dest, grp, type, body, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ' +
      'ON CONFLICT (dedupe) DO NOTHING',
    entry.id, entry.dedupe, entry.kind, entry.dest, entry.group, entry.type, entry.body, at)
  }
  onAppend(entries.length)
}

async function claim (
  sql: SqlRunner, consumer: string, id: string, nowMs: number, { sentMs, content }: Arrival = {}
): Promise<Claim> {
  const inserted = await sql.run('INSERT INTO inbox (consumer, id, at, content) VALUES (?, ?, ?, ?) ' +
    'ON CONFLICT (consumer, id) DO NOTHING', consumer, id, inboxTime(nowMs, sentMs), content ?? null)
  if (inserted === 1) return { fresh: true }
  const row = await sql.get<{ replies: string | null, content: number | null }>(
    'SELECT replies, content FROM inbox WHERE consumer = ? AND id = ?', consumer, id)
  return seen(JSON.parse(row?.replies ?? '[]') as OutboxEntry[], row?.content ?? undefined)
}

/** Rows marked by one statement: one by one, each would wait for a shared server's answer. */
const MARKS = 100
const MARK = `UPDATE outbox SET sent_at = ? WHERE seq IN (${Array.from({ length: MARKS }, () => '?').join(', ')})`

/** Always as many, so that it is always the same statement; the last one again changes nothing. */
function padded (seqs: readonly number[]): number[] {
  return Array.from({ length: MARKS }, (_, n) => seqs[n] ?? seqs.at(-1)!)
}

interface RawRow { seq: number, id: string, dedupe: string, kind: OutboxRow['kind'], dest: string, grp: string,
  type: string, body: string, at: number }

/** The relay's questions. `write` runs outside of any command, in its own transaction. */
export function sqlOutbox (
  read: SqlReader, write: <Value>(fn: (sql: SqlRunner) => Promise<Value>) => Promise<Value>,
  { lead, ordered }: Pick<Outbox, 'lead' | 'ordered'>
): Outbox {
  return {
    lead,
    ordered,
    refused: sqlRefused(read, write),
    unsent: async (limit, after = 0) => {
      const rows = await read.all<RawRow>('SELECT seq, id, dedupe, kind, dest, grp, type, body, at FROM outbox ' +
        'WHERE sent_at IS NULL AND seq > ? ORDER BY seq LIMIT ?', after, limit)
      return rows.map(({ grp, ...row }) => ({ ...row, group: grp }))
    },
    markSent: (seqs, nowMs) => write(async sql => {
      for (let n = 0; n < seqs.length; n += MARKS) await sql.run(MARK, nowMs, ...padded(seqs.slice(n, n + MARKS)))
    }),
    count: async () => {
      const row = await read.get<{ n: number }>('SELECT count(*) AS n FROM outbox WHERE sent_at IS NULL')
      return row?.n ?? 0
    }
  }
}

/** Rows removed in one transaction: what comes meanwhile waits for no more than these. */
const BATCH = 500

/** Each finds its rows by an index on the time; the oldest need not come first. */
export const PURGES: Readonly<Record<Kind, string>> = {
  sentMs: `DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE sent_at < ? LIMIT ${BATCH})`,
  inboxMs: `DELETE FROM inbox WHERE (consumer, id) IN (SELECT consumer, id FROM inbox WHERE at < ? LIMIT ${BATCH})`,
  answersMs: 'DELETE FROM idempotency WHERE (scope, key) IN ' +
    `(SELECT scope, key FROM idempotency WHERE at < ? LIMIT ${BATCH})`
}

const FORGET = `INSERT INTO inbox_forgotten (one, until)
  SELECT 1, max(at) FROM inbox WHERE at < ? HAVING max(at) IS NOT NULL
  ON CONFLICT (one) DO UPDATE SET until = excluded.until WHERE inbox_forgotten.until < excluded.until`

export async function sqlForgotten (read: SqlReader): Promise<number> {
  return (await read.get<{ until: number }>('SELECT until FROM inbox_forgotten'))?.until ?? 0
}

/** `remove` runs a statement in a transaction of its own. */
export function sqlPurge (
  remove: (sql: string, beforeMs: number) => Promise<number>, elapsed: () => number
): Store['purge'] {
  return purging({ batch: BATCH, elapsed,
    forget: beforeMs => remove(FORGET, Math.trunc(beforeMs)),
    remove: (kind, beforeMs) => remove(PURGES[kind], Math.trunc(beforeMs)).catch(noneIfConflict) })
}

/** Another instance is at the same rows, and will remove them. */
function noneIfConflict (error: unknown): number {
  if (hasCode(error, 'E_STORE_CONFLICT')) return 0
  throw error
}
