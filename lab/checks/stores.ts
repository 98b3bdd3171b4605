/** The stores as they lie on the disk, read without a line of the services' code. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { open } from 'lmdb'
import { STOCK_WATCH } from '../platform/platform.ts'
import { readActiveGeneration, readDocumentRows, readRows, type Entries, type Query } from './read-rows.ts'
import type { DocumentRow, Stores } from './rows.ts'

/** `dir` is the run's folder. */
export function readStores (runDir: string): Promise<Stores> {
  const dir = join(runDir, 'data')
  const query = (name: string) => queryOf(join(dir, name, `${name}.db`))
  return withEntries(join(dir, 'inventory', 'inventory.lmdb'), inventory => readRows({
    orders: query('orders'), users: query('users'), payments: query('payments'), history: query('order-history'),
    bus: query('bus'), inventory, stockViolations: linesOf(join(runDir, STOCK_WATCH))
  }))
}

/** The read model while its service runs; another reader does not disturb it. */
export function readDocuments (runDir: string): DocumentRow[] {
  return readDocumentRows(queryOf(join(runDir, 'data', 'order-history', 'order-history.db')))
}

/** The generation of the read model that readers get. */
export function readGeneration (runDir: string): number {
  return readActiveGeneration(queryOf(join(runDir, 'data', 'order-history', 'order-history.db')))
}

function linesOf (file: string): string[] | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(line => line !== '') : undefined
}

function queryOf (file: string): Query {
  return <Row>(sql: string) => {
    const database = new DatabaseSync(file, { readOnly: true })
    try {
      return database.prepare(sql).all() as Row[]
    } finally {
      database.close()
    }
  }
}

async function withEntries<Value> (path: string, use: (entries: Entries) => Value): Promise<Value> {
  const database = open<string, string>({ path, encoding: 'string', noSubdir: true, readOnly: true })
  try {
    return use(prefix => [...database.getRange({ start: prefix, end: `${prefix}\u{10FFFF}` })])
  } finally {
    await database.close()
  }
}
