/** What a PostgreSQL server must be before a store trusts it, and the tables that it then gets. */
import pg from 'pg'
import { messagingError } from '../errors.ts'
import { postgresError, UNDEFINED_TABLE, withoutCredentials } from './postgres-errors.ts'
import { addColumn, LATER_COLUMNS, OWN_COLUMNS, schemaOf } from './sql-schema.ts'

const CONNECT_MS = 5000
/** For whoever makes the same tables at the moment, and for commands of other instances on them. */
const LOCK_MS = 30_000
/** The oldest that is asked for: sessions that fall silent can be ended by the server since. */
const OLDEST = 140_000
/** Any number, the same for all instances. */
const START_LOCK = 7_232_812

interface Server {
  readonly version: number
  readonly fsync: string
  readonly full_page_writes: string
  readonly synchronous_commit: string
  readonly encoding: string
  readonly read_only: string
  readonly standby: boolean
}

const SERVER = `SELECT current_setting('server_version_num')::int AS version, current_setting('fsync') AS fsync,
  current_setting('full_page_writes') AS full_page_writes, current_setting('synchronous_commit') AS synchronous_commit,
  current_setting('server_encoding') AS encoding, current_setting('transaction_read_only') AS read_only,
  pg_is_in_recovery() AS standby`

/**
 * Refuses a server that cannot keep what a store promises (E_STORE_NOT_DURABLE, E_STORE_READ_ONLY, E_STORE_UNFIT), and
 * makes the tables. By a connection of its own: an index of a large table takes longer than any command may.
 */
export async function prepareServer (url: string, tables: string): Promise<void> {
  const where = withoutCredentials(url)
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows: [server] } = await client.query<Server>(SERVER)
    refuse(server!, where)
    for (const sql of OWN_COLUMNS) await refuseOtherTable(client, sql, where)
    // Two instances that start together would both create, and one would fail on the catalogue's own unique index.
    await client.query(`BEGIN; SET LOCAL lock_timeout = ${LOCK_MS}; SELECT pg_advisory_xact_lock(${START_LOCK}); ${schemaOf(tables, 'postgres')}`)
    await addLaterColumns(client)
    await client.query('COMMIT')
  } catch (error) {
    throw postgresError(error, where)
  } finally {
    await client.end().catch(() => {})
  }
}

/** Asked first: even where nothing is to be added, the statement would shut out every reader of the table. */
async function addLaterColumns (client: pg.Client): Promise<void> {
  for (const later of LATER_COLUMNS) {
    const { rowCount } = await client.query('SELECT FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2',
      [later.table, later.column])
    if (rowCount === 0) await client.query(addColumn(later, 'postgres'))
  }
}

function refuse (server: Server, where: string): void {
  if (server.version < OLDEST) throw unfit(where, 'it is older than PostgreSQL 14', 'Use a newer one')
  if (server.standby) throw messagingError('E_STORE_READ_ONLY', ['it is a standby'], { where })
  if (server.read_only === 'on') throw messagingError('E_STORE_READ_ONLY', ['default_transaction_read_only is on'], { where })
  if (server.encoding !== 'UTF8') {
    throw unfit(where, `its encoding ${server.encoding} does not have every character`, "Create it with ENCODING 'UTF8'")
  }
  for (const setting of ['fsync', 'full_page_writes', 'synchronous_commit'] as const) {
    if (server[setting] !== 'off') continue
    throw messagingError('E_STORE_NOT_DURABLE', ['PostgreSQL', `${setting} is off`, `${setting} = on`], { where })
  }
}

async function refuseOtherTable (client: pg.Client, sql: string, where: string): Promise<void> {
  await client.query(`${sql} LIMIT 0`).catch((error: unknown) => {
    if (!(error instanceof pg.DatabaseError)) throw error
    if (error.code === UNDEFINED_TABLE) return
    throw unfit(where, `${sql.split(' ').at(-1)} is another table than ours (${error.message})`, 'Give the service a database of its own')
  })
}

function unfit (where: string, why: string, next: string): Error {
  return messagingError('E_STORE_UNFIT', [where, why, next])
}
