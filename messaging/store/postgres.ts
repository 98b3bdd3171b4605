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
import { systemClock, type Clock } from '../clock.ts'
import { messagingError } from '../errors.ts'
import { closing } from './closing.ts'
import { Commands } from './postgres-commands.ts'
import { settledPosition } from './postgres-lines.ts'
import { Sessions } from './postgres-sessions.ts'
import { writer } from './postgres-sql.ts'
import { prepareServer } from './postgres-start.ts'
import { RelayLeader } from './relay-leader.ts'
import { CHECK, sqlForgotten, sqlOutbox, sqlPurge } from './sql-messaging.ts'
import type { SqlStore } from './sqlite.ts'
import type { SqlCommitted, SqlReader, SqlValue } from './store.ts'

export interface PostgresOptions {
  /** `postgres://user:password@host/database` */
  readonly url: string
  /** The service's own tables, with the tokens of `sql-schema.ts`. */
  readonly tables: string
  /** Connections at most, two or more: whoever relays keeps one. Default 10. */
  readonly connections?: number
  /** A command that takes longer is undone. Default 5000. */
  readonly commandMs?: number
  /** @default the machine's */
  readonly clock?: Clock
  readonly random?: () => number
}

/**
 * Connects and makes the tables. Errors: E_STORE_SETTING, E_STORE_DOWN, E_STORE_READ_ONLY, and E_STORE_NOT_DURABLE or
 * E_STORE_UNFIT for a server that cannot keep what a store promises.
 */
export async function openPostgres (options: PostgresOptions): Promise<SqlStore> {
  if ((options.connections ?? 2) < 2) throw messagingError('E_STORE_SETTING', ['connections', options.connections, '2 or more'])
  await prepareServer(options.url, options.tables)
  return createStore(options)
}

function createStore (options: PostgresOptions): SqlStore {
  const { clock = systemClock, random = Math.random, commandMs = 5000, connections = 10 } = options
  const sessions = new Sessions(options.url, connections)
  const listeners: Array<() => void> = []
  const onOutbox = (): void => { for (const wake of listeners) wake() }
  const commands = new Commands({ sessions, clock, random, commandMs, onOutbox })
  const read = reader(sessions, clock)
  const leader = new RelayLeader(sessions)
  const single = (sql: string, ...params: SqlValue[]) => sessions.use(session => writer(session).run(sql, ...params))
  return closing({
    description: `postgres ${sessions.where}`,
    tx: (fn, how) => commands.run(fn, how),
    read,
    outbox: sqlOutbox(read, fn => commands.run(fn), { lead: () => leader.lead(), ordered: false }),
    inbox: limit => read.all('SELECT consumer, id, at FROM inbox ORDER BY at DESC LIMIT ?', limit),
    onOutbox: listener => { listeners.push(listener) },
    // Not as commands: what another instance removes at the same time is no conflict.
    purge: sqlPurge(single, () => clock.elapsed()),
    forgotten: () => sqlForgotten(read),
    check: async () => { await single(CHECK, clock.now()) },
    close: async () => {
      leader.close()
      await sessions.close()
    }
  })
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
