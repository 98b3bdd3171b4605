/** Messages that the bus will never take, in a table of their own: set aside, they hold up nobody. */
import type { RefusedRow, RefusedRows, SqlReader, SqlValue } from './store.ts'

type Run = (sql: string, ...params: readonly SqlValue[]) => Promise<number>
type Write = <Value>(fn: (sql: SqlReader & { run: Run }) => Promise<Value>) => Promise<Value>
type RawRow = Omit<RefusedRow, 'group'> & { readonly grp: string }

const COLUMNS = 'id, dedupe, kind, dest, grp, type, body'
const ADD = `INSERT INTO outbox_refused (seq, ${COLUMNS}, at, reason, refused_at)
  SELECT seq, ${COLUMNS}, at, ?, ? FROM outbox WHERE seq = ? AND sent_at IS NULL`
const RETRY = `INSERT INTO outbox (${COLUMNS}, at) SELECT ${COLUMNS}, ? FROM outbox_refused WHERE seq = ?
  ON CONFLICT (dedupe) DO NOTHING`
const DROP = 'DELETE FROM outbox_refused WHERE seq = ?'

/** `write` runs outside of any command, in a transaction of its own. */
export function sqlRefused (read: SqlReader, write: Write): RefusedRows {
  const chosen = async (seqs: readonly number[] | 'all'): Promise<readonly number[]> => seqs === 'all'
    ? (await read.all<{ seq: number }>('SELECT seq FROM outbox_refused ORDER BY seq')).map(row => row.seq)
    : seqs.toSorted((a, b) => a - b)
  /** One after the other: each is whole, and nobody waits for thousands. */
  const each = async (seqs: readonly number[] | 'all', fn: (run: Run, seq: number) => Promise<number>): Promise<number> => {
    let count = 0
    for (const seq of await chosen(seqs)) count += await write(sql => fn(sql.run, seq))
    return count
  }
  return {
    add: (refusals, nowMs) => write(async sql => {
      for (const { seq, reason } of refusals) {
        await sql.run(ADD, reason, nowMs, seq)
        await sql.run('DELETE FROM outbox WHERE seq = ? AND sent_at IS NULL', seq)
      }
    }),
    list: async limit => {
      const rows = await read.all<RawRow>(`SELECT seq, ${COLUMNS}, at, reason, refused_at AS "refusedAt" ` +
        'FROM outbox_refused ORDER BY seq LIMIT ?', limit)
      return rows.map(({ grp, ...row }) => ({ ...row, group: grp }))
    },
    retry: (seqs, nowMs) => each(seqs, async (run, seq) => {
      await run(RETRY, nowMs, seq)
      return run(DROP, seq)
    }),
    drop: seqs => each(seqs, (run, seq) => run(DROP, seq)),
    count: async () => (await read.get<{ n: number }>('SELECT count(*) AS n FROM outbox_refused'))?.n ?? 0
  }
}
