/**
 * Lines on PostgreSQL: a sequence gives the numbers, to transactions that commit in any order. Each holds a lock while
 * it has a number that is not committed, so that a reader can wait for those who may have one before the last.
 */
import type { Clock } from '../clock.ts'
import type { Session } from './postgres-sessions.ts'
import type { SqlReader } from './store.ts'

/** Any number, the same for all instances; with the sequence it names the lock. */
const LINE_LOCK = 7_232_813
/** A reader that comes every few seconds anyhow does not wait longer than this. */
const SETTLE_MS = 1000
const POLL_MS = 5

/** The lock first: a number that was given before somebody saw no lock is committed or undone. */
const NEXT = 'SELECT nextval($1::regclass) AS pos ' +
  `FROM pg_advisory_xact_lock_shared(${LINE_LOCK}, $1::regclass::oid::int)`

const HOLDERS = `SELECT virtualtransaction AS holder FROM pg_locks WHERE locktype = 'advisory' AND classid = ${LINE_LOCK}
  AND objid = ?::regclass::oid AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

export async function nextPosition (session: Session, line: string): Promise<number> {
  const { rows } = await session.query<{ pos: number }>(NEXT, [sequenceOf(line)])
  return rows[0]!.pos
}

/** The last number given, once all have ended who may have taken it or one before; undefined when that takes long. */
export async function settledPosition (read: SqlReader, line: string, clock: Clock): Promise<number | undefined> {
  const sequence = sequenceOf(line)
  const row = await read.get<{ last: number | null }>('SELECT pg_sequence_last_value(?::regclass) AS last', sequence)
  const holders = async () => (await read.all<{ holder: string }>(HOLDERS, sequence)).map(({ holder }) => holder)
  const endsAt = clock.elapsed() + SETTLE_MS
  let open = await holders()
  while (open.length > 0) {
    if (clock.elapsed() > endsAt) return undefined
    await clock.delay(POLL_MS)
    const still = new Set(await holders())
    open = open.filter(holder => still.has(holder))
  }
  return row?.last ?? 0
}

function sequenceOf (line: string): string {
  return `line_${line}`
}
