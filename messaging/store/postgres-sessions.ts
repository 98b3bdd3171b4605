/**
 * PostgreSQL's sessions, lent from a pool. One whose state nobody knows is not given back: its connection broke, or a
 * call had no answer in time. All others are dropped with it, and when the server turns out to be read-only: they are
 * with a server that has ended or was demoted, and behind the same name there may be another one by now.
 */
import pg from 'pg'
import { hasCode } from '../errors.ts'
import { connectError, postgresError, withoutCredentials } from './postgres-errors.ts'
import type { SqlValue } from './store.ts'
import { checkValues } from './values.ts'

/** The longest that a statement may take, and a wait for a connection. */
export const CALL_MS = 5000
const [INT8, NUMERIC] = [20, 1700]

export class Sessions {
  /** For errors and logs. */
  readonly where: string
  readonly #options: pg.PoolConfig
  #pool: pg.Pool

  constructor (url: string, connections: number) {
    this.where = withoutCredentials(url)
    this.#options = { connectionString: url, max: connections, connectionTimeoutMillis: CALL_MS, types: TYPES,
      // The server ends what takes too long; the driver only where no server answers any more.
      statement_timeout: CALL_MS, query_timeout: CALL_MS + 1000, idle_in_transaction_session_timeout: 2 * CALL_MS }
    this.#pool = createPool(this.#options)
  }

  /**
   * A session for as long as `work` takes. One that was lent before may turn out to be dead at its first statement,
   * which must therefore be one that may be repeated: then `work` begins again, once.
   */
  async use<Value> (work: (session: Session) => Promise<Value>): Promise<Value> {
    const session = await this.take()
    try {
      return await work(session)
    } catch (error) {
      if (session.answered || !hasCode(error, 'E_STORE_DOWN')) throw error
    } finally {
      session.release()
    }
    const fresh = await this.take()
    return work(fresh).finally(() => { fresh.release() })
  }

  /** A session to keep; whoever takes it releases it. */
  async take (): Promise<Session> {
    const pool = this.#pool
    try {
      return new Session(await pool.connect(), this.where, () => { this.#renew(pool) })
    } catch (error) {
      throw connectError(error, this.where)
    }
  }

  async close (): Promise<void> {
    await this.#pool.end()
  }

  /** Once, for all who find out at the same time. */
  #renew (pool: pg.Pool): void {
    if (pool !== this.#pool || pool.ending) return
    this.#pool = createPool(this.#options)
    void pool.end()
  }
}

function createPool (options: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(options)
  // An idle connection that breaks is replaced; unhandled, its event would end the process.
  pool.on('error', () => {})
  return pool
}

export class Session {
  readonly #client: pg.PoolClient
  readonly #where: string
  readonly #onBroken: () => void
  readonly #onError = (): void => { this.#broken = true }
  #broken = false
  #answered = false
  #asking = false
  #last: Promise<unknown> = Promise.resolve()

  constructor (client: pg.PoolClient, where: string, onBroken: () => void) {
    this.#client = client
    this.#where = where
    this.#onBroken = onBroken
    client.on('error', this.#onError)
  }

  /** True when nobody knows what the server makes of it. */
  get broken (): boolean {
    return this.#broken
  }

  /** Whether any statement has been answered since it was lent. */
  get answered (): boolean {
    return this.#answered
  }

  /** Whether an answer is still to come. */
  get asking (): boolean {
    return this.#asking
  }

  /** Asks behind what was asked before: a command may ask for several things at once, the driver must not. */
  query<Row extends pg.QueryResultRow> (sql: string, params: readonly SqlValue[] = []): Promise<pg.QueryResult<Row>> {
    const answer = this.#last.then(() => this.#ask<Row>(sql, params))
    this.#last = answer.catch(() => {})
    return answer
  }

  /** Not to be used again by anybody. */
  drop (): void {
    this.#broken = true
  }

  release (): void {
    this.#client.removeListener('error', this.#onError)
    this.#client.release(this.#broken)
  }

  async #ask<Row extends pg.QueryResultRow> (sql: string, params: readonly SqlValue[]): Promise<pg.QueryResult<Row>> {
    checkValues(sql, params)
    this.#asking = true
    try {
      const answer = await this.#client.query<Row>(sql, [...params])
      this.#answered = true
      return answer
    } catch (cause) {
      const error = postgresError(cause, this.#where, sql)
      if (hasCode(error, 'E_STORE_DOWN', 'E_STORE_READ_ONLY')) {
        this.drop()
        this.#onBroken()
      }
      throw error
    } finally {
      this.#asking = false
    }
  }
}

const parserOf = ((oid: number, format?: 'text') =>
  oid === INT8 || oid === NUMERIC ? parseNumber : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser
/** Whole numbers as numbers: counts and sums, too, which the driver would give as text. */
const TYPES = { getTypeParser: parserOf }

function parseNumber (text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) && !text.includes('.')) throw new RangeError('a number beyond 2^53 - 1 is stored')
  return number
}
