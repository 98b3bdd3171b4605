/** Databases on one PostgreSQL server, and an administrator who may write where others may not. */
import pg from 'pg'
import type { Test } from 'tap'
import type { SqlStore } from '../index.ts'
import { openPostgres } from '../stores.ts'
import { startPostgres, type TestServer } from './servers.ts'
import { TABLES } from './store-beds.ts'

type Row = Record<string, unknown>

/** Runs statements one by one; returns the rows of the last. */
export async function admin (url: string, ...statements: string[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, options: '-c default_transaction_read_only=off' })
  client.on('error', () => {})
  await client.connect()
  try {
    let rows: Row[] = []
    for (const sql of statements) ({ rows } = await client.query<Row>(sql))
    return rows
  } finally {
    await client.end()
  }
}

/** Ends all other sessions of the database. */
export const TERMINATE = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() ' +
  'AND datname = current_database()'

export function nameOf (url: string): string {
  return new URL(url).pathname.slice(1)
}

/** Makes a database read-only, as its sessions see it; returns the way back. */
export async function readOnly (url: string): Promise<() => Promise<void>> {
  await admin(url, `ALTER DATABASE ${nameOf(url)} SET default_transaction_read_only = on`, TERMINATE)
  return async () => { await admin(url, `ALTER DATABASE ${nameOf(url)} RESET default_transaction_read_only`) }
}

export interface PostgresBed {
  readonly server: TestServer
  /** A database of its own. */
  database (options?: string): Promise<string>
  /** A store that is closed when the test ends. */
  open (t: Test, url: string, options?: object): Promise<SqlStore>
}

/** A server that ends with the test. */
export async function postgresBed (t: Test): Promise<PostgresBed> {
  const server = await startPostgres()
  t.teardown(() => server.stop())
  let databases = 0
  return {
    server,
    database: async (options = '') => {
      const name = `test_${++databases}`
      await admin(server.url, `CREATE DATABASE ${name} ${options}`)
      return server.url.replace(/[^/]+$/, name)
    },
    open: async (t, url, options = {}) => {
      const store = await openPostgres({ url, tables: TABLES, ...options })
      t.teardown(() => store.close())
      return store
    }
  }
}

export function put (store: SqlStore, key: string): Promise<number> {
  return store.tx(tx => tx.run('INSERT INTO things (key, value) VALUES (?, 1)', key))
}
