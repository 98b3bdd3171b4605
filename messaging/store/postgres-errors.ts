/** What PostgreSQL's errors mean to us, by SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
import pg from 'pg'
import { hasCode, messagingError, type MessagingErrorCode } from '../errors.ts'
import { valueError } from './values.ts'

/**
 * The first that fits. What stands here says nothing of what was asked, only of the surroundings: the call may be
 * repeated, then or elsewhere. What does not stand here is for ever.
 */
const NOT_NOW: ReadonlyArray<readonly [RegExp, MessagingErrorCode]> = [
  // Serialization failure, deadlock: another transaction was first.
  [/^(40001|40P01)$/, 'E_STORE_CONFLICT'],
  // Standby, or read-only by its settings: after a failover the right server is another one.
  [/^25006$/, 'E_STORE_READ_ONLY'],
  [/^53100$/, 'E_STORE_FULL'],
  // Lock and statement timeouts, and a statement that an administrator cancelled.
  [/^(55P03|57014)$/, 'E_STORE_BUSY'],
  // Password, role, database, privilege.
  [/^(28...|3D000|42501)$/, 'E_STORE_DENIED'],
  [/^XX00[12]$/, 'E_STORE_CORRUPT'],
  // Connection exceptions, resources (too many connections, memory), shutdown and start, timeouts that end a session,
  // the server's own disk.
  [/^(08|53|57P|58|25P03|25P04)/, 'E_STORE_DOWN']
]

export const UNDEFINED_TABLE = '42P01'

const CONSTRAINTS: Readonly<Record<string, string>> = {
  23001: 'FOREIGN KEY', 23502: 'NOT NULL', 23503: 'FOREIGN KEY', 23505: 'UNIQUE', 23514: 'CHECK', '23P01': 'EXCLUDE'
}

/** Translates what the driver throws; what is ours already, and what is for ever, is returned as it is. */
export function postgresError (error: unknown, where: string, sql = ''): unknown {
  if (!(error instanceof Error) || 'canRetry' in error) return error
  if (error instanceof RangeError) return valueError(error.message, sql, error)
  const details = { where, cause: error }
  // No answer of the server's: the connection or the driver has failed.
  if (!(error instanceof pg.DatabaseError)) return messagingError('E_STORE_DOWN', [error.message], details)
  const state = error.code ?? ''
  const notNow = isWornOut(error) ? 'E_STORE_READ_ONLY' : NOT_NOW.find(([states]) => states.test(state))?.[1]
  if (notNow === 'E_STORE_CORRUPT') return messagingError(notNow, [where, error.message], { cause: error })
  if (notNow !== undefined) return messagingError(notNow, [error.message], details)
  if (state === UNDEFINED_TABLE) return messagingError('E_STORE_TABLE', [error.message], details)
  const constraint = CONSTRAINTS[state]
  if (constraint !== undefined) return messagingError('E_STORE_CONSTRAINT', [constraint, nameOf(error)], details)
  // Data exceptions, and limits such as the length of an indexed text. Not the message: it has the value in it.
  return /^(22|54)/.test(state) ? valueError(`the engine refuses a value (${state})`, sql, error) : error
}

/**
 * Of a connection that was not made. Nothing was asked for yet, so that whatever the server, or a pooler, says
 * in its own words speaks of the surroundings: a database that takes no connections just now has a state that a
 * statement may have for ever.
 */
export function connectError (error: unknown, where: string): unknown {
  const known = postgresError(error, where)
  if (hasCode(known, ...NOT_NOW.map(([, code]) => code))) return known
  return messagingError('E_STORE_DOWN', [error instanceof Error ? error.message : String(error)], { where, cause: error })
}

/**
 * No transaction id is left before a VACUUM: the state is that of a limit which a value has met, its text is in the
 * server's language, and only the routine tells.
 */
function isWornOut ({ code, routine = '' }: pg.DatabaseError): boolean {
  return code === '54000' && /^GetNew(Transaction|MultiXact)Id$/.test(routine)
}

function nameOf ({ constraint, table, column }: pg.DatabaseError): string {
  return constraint ?? `${table}.${column}`
}

/** Of two transactions that insert the same key, the second cannot see the first's row, and can when it looks again. */
export function mayBeRace (error: unknown): boolean {
  return hasCode(error, 'E_STORE_CONSTRAINT') &&
    /^23(505|P01)$/.test(((error as Error).cause as pg.DatabaseError).code ?? '')
}

export function withoutCredentials (url: string): string {
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}
