/**
 * The shared relational store: PostgreSQL, the same SQL as on sqlite. Transactions see one moment of the database
 * (REPEATABLE READ): whoever changes a row that another has changed since is refused by the server and runs again, so
 * no update is lost. What a command only reads is not watched; where it must not change meanwhile the query ends with
 * FOR SHARE or FOR UPDATE, the command runs alone, or a constraint watches. (SERIALIZABLE would watch it by pages of
 * indexes, and the keys of one moment lie on one page: of forty orders at a time nearly all refuse each other.)
 *
 * A command runs alone when it asks for that, or was refused a few times: each transaction holds the table `gate` a
 * little, this one wholly.
 */
import type pg from 'pg'
import { systemClock, type Clock } from '../clock.ts'
import { messagingError } from '../errors.ts'
import { closing } from './closing.ts'
import { inTime } from './deadline.ts'
import { hasCode, mayBeRace } from './postgres-errors.ts'
import { nextPosition, settledPosition } from './postgres-lines.ts'
import { Sessions, type Session } from './postgres-sessions.ts'
import { prepareServer } from './postgres-start.ts'
import { RelayLeader } from './relay-leader.ts'
import { SqlCommand, type SqlWriter } from './sql-command.ts'
import { CHECK, sqlForgotten, sqlOutbox, sqlPurge } from './sql-messaging.ts'
import type { SqlStore } from './sqlite.ts'
import type { SqlCommitted, SqlReader, SqlTx, SqlValue, TxOptions } from './store.ts'

export interface PostgresOptions {
  /** `postgres://user:password@host/database` */
  readonly url: string
  /** The service's own tables, with the tokens of `sql-schema.ts`. */
  readonly tables: string
  /** Connections at most. Default 10. */
  readonly connections?: number
  /** A command that takes longer is undone. Default 5000. */
  readonly commandMs?: number
  /** @default the machine's */
  readonly clock?: Clock
  readonly random?: () => number
}

/** Refused this often, a command runs alone. */
const SIDE_BY_SIDE = 3
const MAX_TRIES = 6
/** The lock comes before the first look at the data, which decides what moment a transaction sees. */
const BEGIN = 'BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE gate IN ROW SHARE MODE'
const BEGIN_ALONE = 'BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE gate IN EXCLUSIVE MODE'

/**
 * Connects and makes the tables. Errors: E_STORE_DOWN, E_STORE_READ_ONLY, and E_STORE_NOT_DURABLE or E_STORE_UNFIT for
 * a server that cannot keep what a store promises.
 */
export async function openPostgres (options: PostgresOptions): Promise<SqlStore> {
  await prepareServer(options.url, options.tables)
  return createStore(options)
}

function createStore (options: PostgresOptions): SqlStore {
  const { clock = systemClock } = options
  const sessions = new Sessions(options.url, options.connections ?? 10)
  const listeners: Array<() => void> = []
  const commands = new Commands(sessions, options, () => { for (const wake of listeners) wake() })
  const read = reader(sessions, clock)
  const leader = new RelayLeader(sessions)
  const alone = (sql: string, ...params: SqlValue[]) => sessions.use(session => writer(session).run(sql, ...params))
  return closing({
    description: `postgres ${sessions.where}`,
    tx: (fn, how) => commands.run(fn, how),
    read,
    outbox: sqlOutbox(read, fn => commands.run(fn), () => leader.lead()),
    inbox: limit => read.all('SELECT consumer, id, at FROM inbox ORDER BY at DESC LIMIT ?', limit),
    onOutbox: listener => { listeners.push(listener) },
    // Not as commands: several instances remove the same rows, which is no conflict.
    purge: sqlPurge(alone, () => clock.elapsed()),
    forgotten: () => sqlForgotten(read),
    check: async () => { await alone(CHECK, clock.now()) },
    close: async () => {
      leader.close()
      await sessions.close()
    }
  })
}

class Commands {
  readonly #sessions: Sessions
  readonly #clock: Clock
  readonly #random: () => number
  readonly #commandMs: number
  readonly #onOutbox: () => void

  constructor (sessions: Sessions, options: PostgresOptions, onOutbox: () => void) {
    this.#sessions = sessions
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? Math.random
    this.#commandMs = options.commandMs ?? 5000
    this.#onOutbox = onOutbox
  }

  async run<Value> (fn: (tx: SqlTx) => Promise<Value>, { alone = false }: TxOptions = {}): Promise<Value> {
    const once = new Set<string>()
    for (let tries = 1; ; tries++) {
      try {
        const begin = alone || tries > SIDE_BY_SIDE ? BEGIN_ALONE : BEGIN
        return await this.#sessions.use(session => this.#try(session, begin, fn))
      } catch (error) {
        if (tries === MAX_TRIES || !mayPass(error, once)) throw error
        await this.#clock.delay(this.#random() * 2 ** tries)
      }
    }
  }

  async #try<Value> (session: Session, begin: string, fn: (tx: SqlTx) => Promise<Value>): Promise<Value> {
    await session.query(begin)
    const command = new SqlCommand(writer(session), () => this.#clock.now())
    try {
      const value = await inTime(this.#clock, this.#commandMs, fn(command.tx))
      command.end()
      command.check()
      await commit(session, command)
      if (command.appended > 0) this.#onOutbox()
      return value
    } catch (error) {
      command.end()
      // Whatever it still waits for may take for ever.
      if (hasCode(error, 'E_TX_SLOW')) session.drop()
      if (!session.broken) await session.query('ROLLBACK').catch(() => {})
      throw error
    }
  }
}

/**
 * Whether a command that was undone may pass when it runs again. Some things only once: a key that another transaction
 * has inserted meanwhile is seen at the second look, and a session that was made when the server was read-only, or is
 * with a server that has become a standby, is replaced by then.
 */
function mayPass (error: unknown, once: Set<string>): boolean {
  if (hasCode(error, 'E_STORE_CONFLICT')) return true
  const reason = hasCode(error, 'E_STORE_READ_ONLY') ? 'read-only' : mayBeRace(error) ? 'race' : undefined
  if (reason === undefined || once.has(reason)) return false
  once.add(reason)
  return true
}

/** A commit whose answer is lost may have been written: nobody but the caller can know whether to do it again. */
async function commit (session: Session, command: SqlCommand): Promise<void> {
  const answer = await session.query('COMMIT').catch((cause: unknown) => {
    if (!session.broken) throw cause
    throw messagingError('E_STORE_UNKNOWN', [cause instanceof Error ? cause.message : 'no answer'], { cause })
  })
  if (answer.command === 'COMMIT') return
  // A statement that nobody waited for had failed; the server says so in the name of its answer alone.
  command.check()
  throw messagingError('E_STORE_CONFLICT')
}

function writer (session: Session): SqlWriter {
  return {
    get: async <Row>(sql: string, ...params: SqlValue[]) =>
      (await ask(session, sql, params)).rows[0] as Row | undefined,
    all: async <Row>(sql: string, ...params: SqlValue[]) => (await ask(session, sql, params)).rows as Row[],
    run: async (sql, ...params) => (await ask(session, sql, params)).rowCount ?? 0,
    position: line => nextPosition(session, line)
  }
}

function reader (sessions: Sessions, clock: Clock): SqlCommitted {
  const read: SqlReader = {
    get: (sql, ...params) => sessions.use(session => writer(session).get(sql, ...params)),
    all: (sql, ...params) => sessions.use(session => writer(session).all(sql, ...params))
  }
  const before = new Map<string, number>()
  return {
    ...read,
    settled: async line => {
      const last = await settledPosition(read, line, clock) ?? before.get(line) ?? 0
      before.set(line, last)
      return last
    }
  }
}

function ask (session: Session, sql: string, params: readonly SqlValue[]): Promise<pg.QueryResult> {
  return session.query(numbered(sql), params)
}

const texts = new Map<string, string>()

/** `?` as PostgreSQL numbers them; the texts are constants of the code, so the map stays small. */
function numbered (sql: string): string {
  let text = texts.get(sql)
  if (text === undefined) {
    let n = 0
    text = sql.replace(/\?/g, () => `$${++n}`)
    texts.set(sql, text)
  }
  return text
}
