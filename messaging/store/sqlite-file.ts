/** Opens sqlite files, and refuses one that cannot keep what a store promises, naming what is wrong with it. */
import type { DatabaseSync } from 'node:sqlite'
import { messagingError } from '../errors.ts'
import { sqliteError } from './sqlite-errors.ts'
import { addColumn, LATER_COLUMNS, OWN_COLUMNS, schemaOf } from './sql-schema.ts'

/** 'BRKW', in the file's header. */
const APPLICATION_ID = 0x42_52_4b_57
/** Of messaging's own tables. */
const VERSION = 1
/** Looking through a file takes seconds per gigabyte; larger ones are checked page by page as they are read. */
const MAX_CHECKED_BYTES = 2 ** 30

const SETTINGS: Readonly<Record<string, string | number>> = { journal_mode: 'wal', synchronous: 1, foreign_keys: 1 }

/** A connection to read through. */
export function openReader (database: DatabaseSync, file: string): DatabaseSync {
  return opened(database, file, () => { configure(database, file) })
}

/**
 * A connection to write through, to messaging's tables and the service's own. `waitMs`: for a lock that a stranger
 * holds, a backup or somebody's shell; the event loop stands still meanwhile.
 */
export function openWriter (database: DatabaseSync, file: string, tables: string, waitMs: number): DatabaseSync {
  return opened(database, file, () => {
    const busyMs = pragma(database, 'busy_timeout')
    database.exec(`PRAGMA busy_timeout = ${waitMs}`)
    // Before anything is set: the file of somebody else must not be changed, not even its journal's mode.
    refuseForeign(database, file)
    refuseDamaged(database, file)
    for (const sql of OWN_COLUMNS) refuseOtherTable(database, file, sql)
    configure(database, file)
    database.exec(schemaOf(tables, 'sqlite'))
    addLaterColumns(database)
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${VERSION}`)
    database.exec(`PRAGMA busy_timeout = ${busyMs}`)
  })
}

function opened (database: DatabaseSync, file: string, use: () => void): DatabaseSync {
  try {
    use()
    return database
  } catch (error) {
    database.close()
    throw sqliteError(error, file)
  }
}

/** On a network file system there is no write-ahead log, and sqlite says so in its answer alone. */
function configure (database: DatabaseSync, file: string): void {
  for (const [name, wanted] of Object.entries(SETTINGS)) {
    database.exec(`PRAGMA ${name} = ${wanted}`)
    const got = pragma(database, name)
    if (got !== wanted) throw unfit(file, `${name} is ${got}, not ${wanted}`, 'Keep it on a local disk')
  }
}

function refuseForeign (database: DatabaseSync, file: string): void {
  const id = pragma(database, 'application_id')
  const tables = database.prepare('SELECT name FROM sqlite_schema').all().map(row => row.name)
  // Files of the time before they were marked have an outbox.
  const ours = id === APPLICATION_ID || (id === 0 && (tables.length === 0 || tables.includes('outbox')))
  if (!ours) {
    throw unfit(file, `it is the database of another application (application_id ${String(id)})`,
      `Give the service a file of its own; where this one is meant, mark it: PRAGMA application_id = ${APPLICATION_ID}`)
  }
  const version = Number(pragma(database, 'user_version'))
  if (version > VERSION) throw unfit(file, `a newer version wrote it (${version}, this one knows ${VERSION})`, 'Start that version')
}

function refuseDamaged (database: DatabaseSync, file: string): void {
  const bytes = Number(pragma(database, 'page_count')) * Number(pragma(database, 'page_size'))
  if (bytes > MAX_CHECKED_BYTES) return
  const answer = pragma(database, 'quick_check(1)')
  if (answer !== 'ok') throw messagingError('E_STORE_CORRUPT', [file, answer])
}

function refuseOtherTable (database: DatabaseSync, file: string, sql: string): void {
  try {
    database.prepare(sql)
  } catch (cause) {
    const { message } = cause as Error
    if (message.startsWith('no such table')) return
    throw unfit(file, `${sql.split(' ').at(-1)} is another table than ours (${message})`, 'Give the service a file of its own')
  }
}

function addLaterColumns (database: DatabaseSync): void {
  const has = database.prepare('SELECT 1 FROM pragma_table_info(?) WHERE name = ?')
  for (const later of LATER_COLUMNS) {
    if (has.get(later.table, later.column) === undefined) database.exec(addColumn(later, 'sqlite'))
  }
}

function pragma (database: DatabaseSync, name: string): string | number | undefined {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0] as string | number | undefined
}

function unfit (file: string, why: string, next: string): Error {
  return messagingError('E_STORE_UNFIT', [file, why, next])
}
