/**
 * The shared relational store: PostgreSQL, the same SQL as on sqlite. Transactions are serializable: what the embedded
 * store gets from having one writer, this one gets from the server refusing what would not have happened one after the
 * other; what it refuses runs again.
 */
import pg from 'pg'
import { systemClock, type Clock } from '../clock.ts'
import { messagingError } from '../errors.ts'
import { MESSAGING_TABLES, spell } from './sql-schema.ts'
import { sqlMessaging, sqlOutbox, sqlPurge, type SqlRunner } from './sql-messaging.ts'
import type { SqlStore } from './sqlite.ts'
import type { SqlTx, SqlValue } from './store.ts'

export interface PostgresOptions {
  /** `postgres://user:password@host/database` */
  readonly url: string
  /** The service's own tables, with the tokens of {@link spell}. */
  readonly tables: string
  /** Connections at most. Default 10. */
  readonly connections?: number
  /** @default the machine's */
  readonly clock?: Clock
  readonly random?: () => number
}

const MAX_TRIES = 10
const CALL_MS = 5000
/** Any number, the same for all instances: who holds it in a database relays from it. */
const RELAY_LOCK = 7_232_811
const INT8 = 20

/** Connects and makes the tables. */
export async function openPostgres (options: PostgresOptions): Promise<SqlStore> {
  const pool = createPool(options)
  try {
    // Two instances that start together would both create, and one would fail on the catalogue's own unique index.
    await inSession(pool, async client => {
      await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${RELAY_LOCK + 1});
        ${spell(MESSAGING_TABLES + options.tables, 'postgres')}; COMMIT`)
    })
  } catch (error) {
    await pool.end()
    throw storeError(error, options)
  }
  return createStore(pool, options)
}

function createPool ({ url, connections = 10 }: PostgresOptions): pg.Pool {
  // Whole numbers as numbers: ours are times, amounts and counts below 2^53.
  const types = { getTypeParser: ((oid: number, format?: 'text') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser }
  const pool = new pg.Pool({ connectionString: url, max: connections, connectionTimeoutMillis: CALL_MS,
    query_timeout: CALL_MS, idle_in_transaction_session_timeout: CALL_MS, types })
  // An idle connection that breaks is replaced; unhandled, its event would end the process.
  pool.on('error', () => {})
  return pool
}

function createStore (pool: pg.Pool, options: PostgresOptions): SqlStore {
  const { clock = systemClock, random = Math.random } = options
  const now = () => clock.now()
  const listeners: Array<() => void> = []
  const guard = async <Value>(work: Promise<Value>): Promise<Value> =>
    work.catch((error: unknown) => { throw storeError(error, options) })
  const read = runner(pool)

  const tx = async <Value>(fn: (tx: SqlTx) => Promise<Value>): Promise<Value> => {
    for (let tries = 1; ; tries++) {
      let appended = 0
      try {
        const value = await transaction(pool, sql => fn({ ...sql, ...sqlMessaging(sql, now, n => { appended += n }) }))
        if (appended > 0) for (const wake of listeners) wake()
        return value
      } catch (error) {
        if (!isConflict(error) || tries === MAX_TRIES) throw error
        await clock.delay(random() * 2 ** tries)
      }
    }
  }

  const leader = new RelayLeader(pool)
  return {
    description: `postgres ${withoutCredentials(options.url)}`,
    tx: fn => guard(tx(fn)),
    read: {
      get: (sql, ...params) => guard(read.get(sql, ...params)),
      all: (sql, ...params) => guard(read.all(sql, ...params))
    },
    outbox: sqlOutbox(read, fn => guard(tx(fn)), () => guard(leader.lead())),
    inbox: limit => guard(read.all('SELECT consumer, id, at FROM inbox ORDER BY at DESC LIMIT ?', limit)),
    onOutbox: listener => { listeners.push(listener) },
    purge: before => guard(tx(sql => sqlPurge(sql, before))),
    check: async () => { await guard(tx(sql => sql.run('UPDATE outbox SET at = at WHERE seq = 0'))) },
    close: async () => {
      leader.close()
      await pool.end()
    }
  }
}

/** The relay's lock lives as long as its session: an instance that dies frees it. */
class RelayLeader {
  readonly #pool: pg.Pool
  #session: pg.PoolClient | undefined

  constructor (pool: pg.Pool) {
    this.#pool = pool
  }

  async lead (): Promise<boolean> {
    if (this.#session !== undefined) return true
    const session = await this.#pool.connect()
    const answer = await session.query<{ got: boolean }>(`SELECT pg_try_advisory_lock(${RELAY_LOCK}) AS got`)
      .catch((error: unknown) => {
        session.release(true)
        throw error
      })
    if (answer.rows[0]?.got !== true) {
      session.release()
      return false
    }
    this.#session = session
    session.once('error', () => { this.close() })
    return true
  }

  close (): void {
    const session = this.#session
    this.#session = undefined
    session?.release(true)
  }
}

async function transaction<Value> (pool: pg.Pool, fn: (sql: SqlRunner) => Promise<Value>): Promise<Value> {
  return inSession(pool, async client => {
    await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE')
    try {
      const value = await fn(runner(client))
      await client.query('COMMIT')
      return value
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {})
      throw error
    }
  })
}

async function inSession<Value> (pool: pg.Pool, use: (client: pg.PoolClient) => Promise<Value>): Promise<Value> {
  const client = await pool.connect()
  let broken = false
  client.once('error', () => { broken = true })
  try {
    return await use(client)
  } finally {
    client.release(broken)
  }
}

function runner (queryable: Pick<pg.Pool, 'query'>): SqlRunner {
  const numbered = new Map<string, string>()
  const query = async (sql: string, params: readonly SqlValue[]) => {
    let text = numbered.get(sql)
    if (text === undefined) {
      let n = 0
      text = sql.replace(/\?/g, () => `$${++n}`)
      numbered.set(sql, text)
    }
    return queryable.query(text, [...params])
  }
  return {
    get: async <Row>(sql: string, ...params: SqlValue[]) => (await query(sql, params)).rows[0] as Row | undefined,
    all: async <Row>(sql: string, ...params: SqlValue[]) => (await query(sql, params)).rows as Row[],
    run: async (sql, ...params) => (await query(sql, params)).rowCount ?? 0
  }
}

/** Serialization failure, deadlock, and two that insert the same key: one of both must look again. */
function isConflict (error: unknown): boolean {
  if (error instanceof Error && 'canRetry' in error && error.canRetry === true) return true
  return ['40001', '40P01', '23505'].includes(codeOf(error))
}

function codeOf (error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function storeError (error: unknown, { url }: PostgresOptions): unknown {
  if (!(error instanceof Error) || 'canRetry' in error) return error
  const details = { where: withoutCredentials(url), cause: error }
  const code = codeOf(error)
  if (isConflict(error)) return messagingError('E_STORE_CONFLICT', [], details)
  if (code === '53100') return messagingError('E_STORE_FULL', [], details)
  // Connection exceptions, shutdown, too many connections, and what Node says of sockets.
  const away = /^(08|57P|53)/.test(code) || /^E[A-Z]+$/.test(code) || /terminated|timeout|not queryable/i.test(error.message)
  return away ? messagingError('E_STORE_DOWN', [error.message], details) : error
}

function withoutCredentials (url: string): string {
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}
