/** Sagas as rows: one per saga, its history, and those whose deadline could not be handled. */
import { messagingError } from '../errors.ts'
import type { SqlReader, SqlTx } from '../store/store.ts'

/** What a service with sagas adds to its tables. */
export const SAGA_TABLES = `
CREATE TABLE IF NOT EXISTS saga (
  id TEXT PRIMARY KEY, type TEXT NOT NULL, state TEXT NOT NULL, subject TEXT NOT NULL, step_no {{int}} NOT NULL,
  attempt {{int}} NOT NULL, deadline_at {{int}}, cancel_reason TEXT, data TEXT NOT NULL, command TEXT, command_id TEXT,
  version {{int}} NOT NULL, started_at {{int}} NOT NULL, moved_at {{int}} NOT NULL
) {{strict}};
CREATE UNIQUE INDEX IF NOT EXISTS saga_subject ON saga (type, subject);
DROP INDEX IF EXISTS saga_deadline;
CREATE INDEX IF NOT EXISTS saga_due ON saga (type, deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS saga_state ON saga (state, moved_at);
CREATE INDEX IF NOT EXISTS saga_moved ON saga (moved_at);
CREATE INDEX IF NOT EXISTS saga_open ON saga (type, state, moved_at) WHERE deadline_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS saga_log (
  saga_id TEXT NOT NULL, n {{int}} NOT NULL, at {{int}} NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL,
  msg_id TEXT, note TEXT NOT NULL, PRIMARY KEY (saga_id, n)
) {{strict}};
CREATE TABLE IF NOT EXISTS saga_failure (
  saga_id TEXT PRIMARY KEY, version {{int}} NOT NULL, failures {{int}} NOT NULL, next_at {{int}} NOT NULL,
  error TEXT NOT NULL
) {{strict}};
`

/** A saga as stored. `deadline_at` is null when it has ended, and only then. */
export interface SagaRow {
  readonly id: string
  readonly type: string
  readonly state: string
  readonly subject: string
  readonly step_no: number
  readonly attempt: number
  readonly deadline_at: number | null
  readonly cancel_reason: string | null
  readonly data: string
  readonly command: string | null
  readonly command_id: string | null
  /** Counts the steps: who saves a step of an overtaken version must look again. */
  readonly version: number
  readonly started_at: number
  readonly moved_at: number
}

/** A line of a saga's history. */
export interface LogLine {
  readonly at: number
  readonly from: string
  readonly to: string
  readonly messageId: string | undefined
  readonly note: string
}

/** A history does not grow with a participant that stays away for a week; that it came back is noted all the same. */
const MAX_LOG = 500

/** Of any type, whether or not this version of the service knows it. */
export function findById (reader: SqlReader, id: string): Promise<SagaRow | undefined> {
  return reader.get<SagaRow>('SELECT * FROM saga WHERE id = ?', id)
}

export function findBySubject (reader: SqlReader, type: string, subject: string): Promise<SagaRow | undefined> {
  return reader.get<SagaRow>('SELECT * FROM saga WHERE type = ? AND subject = ?', type, subject)
}

/** Throws E_SAGA_EXISTS when the subject has one of this type. */
export async function insertSaga (tx: SqlTx, row: SagaRow): Promise<void> {
  const inserted = await tx.run('INSERT INTO saga (id, type, state, subject, step_no, attempt, data, version, ' +
    'started_at, moved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (type, subject) DO NOTHING',
  row.id, row.type, row.state, row.subject, row.step_no, row.attempt, row.data, row.version, row.started_at,
  row.moved_at)
  if (inserted !== 1) throw messagingError('E_SAGA_EXISTS', [row.subject, row.type])
}

/** Throws E_STORE_CONFLICT when somebody else has saved a step since the row was read. */
export async function saveSaga (tx: SqlTx, row: SagaRow): Promise<void> {
  const saved = await tx.run('UPDATE saga SET state = ?, step_no = ?, attempt = ?, deadline_at = ?, ' +
    'cancel_reason = ?, data = ?, command = ?, command_id = ?, version = ?, moved_at = ? WHERE id = ? AND version = ?',
  row.state, row.step_no, row.attempt, row.deadline_at, row.cancel_reason, row.data, row.command, row.command_id,
  row.version, row.moved_at, row.id, row.version - 1)
  if (saved !== 1) throw messagingError('E_STORE_CONFLICT', [], { where: `saga ${row.id}` })
}

const WRITE_LOG = 'INSERT INTO saga_log (saga_id, n, at, from_state, to_state, msg_id, note) ' +
  'SELECT ?, coalesce(max(n), 0) + 1, CAST(? AS BIGINT), ?, ?, ?, ? FROM saga_log WHERE saga_id = ?'

/** Lines that tell of no move are left out once there are too many. */
export async function writeLog (tx: SqlTx, sagaId: string, line: LogLine): Promise<void> {
  await tx.run(line.from === line.to ? `${WRITE_LOG} HAVING coalesce(max(n), 0) < ${MAX_LOG}` : WRITE_LOG,
    sagaId, line.at, line.from, line.to, line.messageId ?? null, line.note, sagaId)
}

/**
 * Open sagas of a type whose deadline has passed, the oldest first; those that failed not before their next time. Only
 * in these states: others are for the version of the service that knows them.
 */
export async function dueSagas (
  reader: SqlReader, type: string, states: readonly string[], now: number, limit: number
): Promise<string[]> {
  const rows = await reader.all<{ id: string }>('SELECT s.id FROM saga s LEFT JOIN saga_failure f ' +
    'ON f.saga_id = s.id AND f.version = s.version WHERE s.type = ? AND s.deadline_at <= ? ' +
    `AND (f.next_at IS NULL OR f.next_at <= ?) AND s.state IN (${states.map(() => '?').join(', ')}) ` +
    'ORDER BY s.deadline_at LIMIT ?', type, now, now, ...states, limit)
  return rows.map(row => row.id)
}

/** Open sagas that were written later than this. */
export async function sagasBeyond (reader: SqlReader, at: number): Promise<number> {
  const row = await reader.get<{ count: number }>(
    'SELECT count(*) AS count FROM saga WHERE moved_at > ? AND deadline_at IS NOT NULL', at)
  return row?.count ?? 0
}

/** Dates them anew: each has as long to its deadline as it had. */
export async function redateBeyond (tx: SqlTx, at: number, now: number): Promise<void> {
  await tx.run('UPDATE saga SET deadline_at = deadline_at - moved_at + ?, moved_at = ? ' +
    'WHERE moved_at > ? AND deadline_at IS NOT NULL', now, now, at)
}

/** Notes that a saga's deadline could not be handled; void as soon as the saga moves. Returns how often in a row. */
export async function writeFailure (
  tx: SqlTx, sagaId: string, error: string, nextAt: (failures: number) => number
): Promise<number> {
  const known = await tx.get<{ version: number, failures: number | null }>('SELECT s.version, f.failures FROM saga s ' +
    'LEFT JOIN saga_failure f ON f.saga_id = s.id AND f.version = s.version WHERE s.id = ?', sagaId)
  if (known === undefined) return 0
  const failures = (known.failures ?? 0) + 1
  await tx.run('INSERT INTO saga_failure (saga_id, version, failures, next_at, error) VALUES (?, ?, ?, ?, ?) ' +
    'ON CONFLICT (saga_id) DO UPDATE SET version = excluded.version, failures = excluded.failures, ' +
    'next_at = excluded.next_at, error = excluded.error', sagaId, known.version, failures, nextAt(failures), error)
  return failures
}
