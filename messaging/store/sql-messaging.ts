/** Outbox, inbox and idempotency keys in SQL, the same statements on sqlite and on PostgreSQL. */
import { sqlRefused } from './sql-refused.ts'
import type { Claim, Outbox, OutboxEntry, OutboxRow, PurgeBefore, SqlReader, SqlValue, StoredAnswer, Tx } from './store.ts'

export interface SqlRunner extends SqlReader {
  run (sql: string, ...params: readonly SqlValue[]): Promise<number>
}

/** What one transaction writes for messaging. `now` stamps the rows; `onAppend` learns that the relay has work. */
export function sqlMessaging (sql: SqlRunner, now: () => number, onAppend: (rows: number) => void): Tx {
  return {
    outbox: { append: entries => append(sql, entries, now(), onAppend) },
    inbox: {
      claim: (consumer, id) => claim(sql, consumer, id, now()),
      keepReplies: async (consumer, id, replies) => {
        await sql.run('UPDATE inbox SET replies = ? WHERE consumer = ? AND id = ?', JSON.stringify(replies), consumer, id)
      }
    },
    idempotency: {
      get: (scope, key) => sql.get<StoredAnswer>(
        'SELECT hash, status, body, at FROM idempotency WHERE scope = ? AND key = ?', scope, key),
      put: async (scope, key, answer) => {
        await sql.run('INSERT INTO idempotency (scope, key, hash, status, body, at) VALUES (?, ?, ?, ?, ?, ?)',
          scope, key, answer.hash, answer.status, answer.body, answer.at)
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

async function claim (sql: SqlRunner, consumer: string, id: string, at: number): Promise<Claim> {
  const inserted = await sql.run(
    'INSERT INTO inbox (consumer, id, at) VALUES (?, ?, ?) ON CONFLICT (consumer, id) DO NOTHING', consumer, id, at)
  if (inserted === 1) return { fresh: true }
  const row = await sql.get<{ replies: string | null }>(
    'SELECT replies FROM inbox WHERE consumer = ? AND id = ?', consumer, id)
  return { fresh: false, replies: JSON.parse(row?.replies ?? '[]') as OutboxEntry[] }
}

interface RawRow { seq: number, id: string, dedupe: string, kind: OutboxRow['kind'], dest: string, grp: string,
  type: string, body: string, at: number }

/** The relay's questions. `write` runs outside of any command, in its own transaction. */
export function sqlOutbox (
  read: SqlReader, write: <Value>(fn: (sql: SqlRunner) => Promise<Value>) => Promise<Value>,
  lead: () => Promise<boolean>
): Outbox {
  return {
    lead,
    refused: sqlRefused(read, write),
    unsent: async (limit, after = 0) => {
      const rows = await read.all<RawRow>('SELECT seq, id, dedupe, kind, dest, grp, type, body, at FROM outbox ' +
        'WHERE sent_at IS NULL AND seq > ? ORDER BY seq LIMIT ?', after, limit)
      return rows.map(({ grp, ...row }) => ({ ...row, group: grp }))
    },
    markSent: (seqs, nowMs) => write(async sql => {
      for (const seq of seqs) await sql.run('UPDATE outbox SET sent_at = ? WHERE seq = ?', nowMs, seq)
    }),
    count: async () => {
      const row = await read.get<{ n: number }>('SELECT count(*) AS n FROM outbox WHERE sent_at IS NULL')
      return row?.n ?? 0
    }
  }
}

/** A thousand rows a time: a purge must not be a stop of the world. */
export async function sqlPurge (sql: SqlRunner, before: PurgeBefore): Promise<void> {
  await sql.run('DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE sent_at < ? LIMIT 1000)', before.sentMs)
  await sql.run('DELETE FROM inbox WHERE (consumer, id) IN (SELECT consumer, id FROM inbox WHERE at < ? LIMIT 1000)',
    before.inboxMs)
  await sql.run('DELETE FROM idempotency WHERE (scope, key) IN ' +
    '(SELECT scope, key FROM idempotency WHERE at < ? LIMIT 1000)', before.answersMs)
}
