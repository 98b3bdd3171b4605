/** What sqlite's result codes mean to us: "not now" and "never" (https://sqlite.org/rescode.html). */
import { messagingError } from '../errors.ts'
import { valueError } from './values.ts'

type Code = Parameters<typeof messagingError>[0]

/** Primary result codes that say nothing of what was asked, only of the surroundings. */
const NOT_NOW: Readonly<Record<number, Code>> = {
  5: 'E_STORE_BUSY', // BUSY
  6: 'E_STORE_BUSY', // LOCKED
  8: 'E_STORE_READ_ONLY', // READONLY
  10: 'E_STORE_DOWN', // IOERR
  11: 'E_STORE_CORRUPT', // CORRUPT
  13: 'E_STORE_FULL', // FULL
  14: 'E_STORE_READ_ONLY', // CANTOPEN: no log can be made beside the file
  26: 'E_STORE_CORRUPT' // NOTADB
}

const CONSTRAINTS: Readonly<Record<number, string>> = {
  275: 'CHECK', 787: 'FOREIGN KEY', 1299: 'NOT NULL', 1555: 'UNIQUE', 2067: 'UNIQUE', 2579: 'UNIQUE'
}
/** A REAL or TEXT for an INTEGER column of a STRICT table. */
const CONSTRAINT_DATATYPE = 3091

/** Translates what node:sqlite throws; what is not from the engine is returned as it is. */
export function sqliteError (error: unknown, file: string, sql = ''): unknown {
  if (!(error instanceof Error)) return error
  // node:sqlite's own refusal to read a number that JavaScript would round.
  if ('code' in error && error.code === 'ERR_OUT_OF_RANGE') return valueError('a number beyond 2^53 - 1 is stored', sql, error)
  if (!('errcode' in error)) return error
  const code = Number(error.errcode)
  const details = { where: file, cause: error }
  const notNow = NOT_NOW[code & 0xff]
  if (notNow === 'E_STORE_CORRUPT') return messagingError(notNow, [file, error.message], { cause: error })
  if (notNow !== undefined) return messagingError(notNow, [error.message], details)
  if (error.message.startsWith('no such table')) return messagingError('E_STORE_TABLE', [error.message], details)
  const constraint = CONSTRAINTS[code]
  if (constraint !== undefined) {
    return messagingError('E_STORE_CONSTRAINT', [constraint, error.message.split('failed: ')[1] ?? ''], details)
  }
  // TOOBIG, MISMATCH
  const value = code === CONSTRAINT_DATATYPE || code === 18 || code === 20
  return value ? valueError(`the engine refuses a value (${code})`, sql, error) : error
}
