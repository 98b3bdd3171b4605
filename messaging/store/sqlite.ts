/**
 * The embedded relational store: node:sqlite in WAL mode, owned by one process.
 *
 * Two connections: commands write through one in group commits; reads use the other, so that nobody ever sees what a
 * running transaction may still undo. Each commit is flushed (see `wal-flush.ts`) before anybody is answered, and
 * before anybody is told what was read of it: what was answered survives a power cut, not only a kill.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { systemClock, type Clock } from '../clock.ts'
import { closing } from './closing.ts'
import { GroupCommit, type Batch } from './group-commit.ts'
import { makeOwnFile } from './own-file.ts'
import { lockFile } from './owner-lock.ts'
import { SqlCommand, type SqlWriter } from './sql-command.ts'
import { CHECK, sqlForgotten, sqlOutbox, sqlPurge } from './sql-messaging.ts'
import { sqliteError } from './sqlite-errors.ts'
import { openReader, openWriter } from './sqlite-file.ts'
import type { SqlCommitted, SqlTx, SqlValue, Store } from './store.ts'
import { checkValues } from './values.ts'
import { WalFlush } from './wal-flush.ts'

export interface SqliteOptions {
  /** The file; its folder is made. `:memory:` has no second connection and is therefore refused. */
  readonly file: string
  /** The service's own tables, `CREATE TABLE IF NOT EXISTS`, with the tokens of `sql-schema.ts`. */
  readonly tables: string
  /** `full` survives a power cut, `normal` a kill of the process. Default `full`. */
  readonly synchronous?: 'full' | 'normal'
  /** How long a command waits for a lock held by a stranger. Default 1000. */
  readonly lockWaitMs?: number
  /** A command that takes longer is undone. Default 5000. */
  readonly commandMs?: number
  /** @default the machine's */
  readonly clock?: Clock
  /** @default Math.random */
  readonly random?: () => number
  /** For tests: how the files are opened. */
  readonly files?: Partial<SqliteFiles>
}

/** The ways to a store's files. */
export interface SqliteFiles {
  connect (file: string): DatabaseSync
  /** Takes the file for this process; closing the handle gives it back. */
  lock (file: string): { close (): void }
  /** How long a start waits for a lock held by a stranger: there is nobody to answer meanwhile. */
  readonly startWaitMs: number
  /** What makes commits durable. */
  flush (file: string): WalFlush
}

const FILES: SqliteFiles = {
  // The timeout is how long sqlite would block the event loop on a foreign lock; the group commit waits instead.
  connect: file => new DatabaseSync(file, { timeout: 10 }),
  lock: lockFile,
  startWaitMs: 10_000,
  flush: file => new WalFlush(file)
}

export type SqlStore = Store<SqlTx, SqlCommitted>

interface OpenFiles {
  readonly writer: DatabaseSync
  readonly reader: DatabaseSync
  readonly flush: WalFlush | undefined
  /** Ends them and the ownership. */
  readonly close: () => void
}

/**
 * Opens the file, makes the tables, and returns the store. Errors: E_STORE_OWNED when another process has it,
 * E_STORE_UNFIT, E_STORE_CORRUPT and E_STORE_READ_ONLY when it cannot keep what a store promises.
 */
export function openSqlite (options: SqliteOptions): SqlStore {
  return createStore(options, openFiles(options))
}

function openFiles ({ file, tables, synchronous, files }: SqliteOptions): OpenFiles {
  const { connect, lock, flush, startWaitMs } = { ...FILES, ...files }
  const opened: Array<{ close (): void }> = []
  const open = <File extends { close (): void }>(one: File): File => {
    opened.unshift(one)
    return one
  }
  const close = (): void => { for (const one of opened) one.close() }
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    makeOwnFile(file)
    open(lock(file))
    const writer = open(openWriter(connect(file), file, tables, startWaitMs))
    const reader = open(openReader(connect(file), file))
    return { writer, reader, flush: synchronous === 'normal' ? undefined : open(flush(file)), close }
  } catch (error) {
    close()
    throw error
  }
}

function createStore (options: SqliteOptions, { writer, reader, flush, close }: OpenFiles): SqlStore {
  const { file, clock = systemClock, random = Math.random, lockWaitMs = 1000, commandMs = 5000 } = options
  const now = () => clock.now()
  const listeners: Array<() => void> = []
  const onOutbox = (): void => { for (const wake of listeners) wake() }
  const batch = new SqliteBatch(new Connection(writer, file), flush, now, onOutbox)
  const commits = new GroupCommit<SqlCommand>(batch, { maxCommands: 100, lockWaitMs, commandMs, clock, random })
  const read = flushedReader(new Connection(reader, file), flush)
  return closing({
    description: `sqlite ${file}`,
    tx: fn => commits.run(handle => fn(handle.tx)),
    read,
    outbox: sqlOutbox(read, fn => commits.run(handle => fn(handle.tx)), { lead: async () => true, ordered: true }),
    inbox: limit => read.all('SELECT consumer, id, at FROM inbox ORDER BY at DESC LIMIT ?', limit),
    onOutbox: listener => { listeners.push(listener) },
    purge: sqlPurge((sql, at) => commits.run(handle => handle.tx.run(sql, at)), () => clock.elapsed()),
    forgotten: () => sqlForgotten(read),
    check: () => commits.run(async handle => { await handle.tx.run(CHECK, now()) }),
    close: async () => {
      await commits.run(async () => {}).catch(() => {})
      close()
    }
  })
}

/** Nobody may act on what a power cut could still undo: the relay would tell others of what never was. */
function flushedReader (connection: Connection, flush: WalFlush | undefined): SqlCommitted {
  const flushed = async <Value>(value: Value): Promise<Value> => {
    await flush?.pending
    return value
  }
  const get = async <Row>(sql: string, ...params: SqlValue[]) => flushed(await connection.get<Row>(sql, ...params))
  return {
    get,
    all: async <Row>(sql: string, ...params: SqlValue[]) => flushed(await connection.all<Row>(sql, ...params)),
    // One writer: what was numbered later is committed later.
    settled: async line => (await get<{ last: number }>('SELECT last FROM line WHERE name = ?', line))?.last ?? 0
  }
}

/** Prepared statements by their text; the texts are constants of the code, so the map stays small. */
class Connection implements SqlWriter {
  readonly #database: DatabaseSync
  readonly #file: string
  readonly #statements = new Map<string, StatementSync>()

  constructor (database: DatabaseSync, file: string) {
    this.#database = database
    this.#file = file
  }

  async get<Row> (sql: string, ...params: readonly SqlValue[]): Promise<Row | undefined> {
    return this.#call(sql, params, (statement, bound) => statement.get(...bound)) as Row | undefined
  }

  async all<Row> (sql: string, ...params: readonly SqlValue[]): Promise<Row[]> {
    return this.#call(sql, params, (statement, bound) => statement.all(...bound)) as Row[]
  }

  async run (sql: string, ...params: readonly SqlValue[]): Promise<number> {
    return Number(this.#call(sql, params, (statement, bound) => statement.run(...bound)).changes)
  }

  async position (line: string): Promise<number> {
    const row = await this.get<{ last: number }>('UPDATE line SET last = last + 1 WHERE name = ? RETURNING last', line)
    if (row === undefined) throw new Error(`no line ${line}: add {{line ${line}.COLUMN}} to the store's tables`)
    return row.last
  }

  exec (sql: string): void {
    try {
      this.#database.exec(sql)
    } catch (error) {
      throw sqliteError(error, this.#file)
    }
  }

  get inTransaction (): boolean {
    return this.#database.isOpen && this.#database.isTransaction
  }

  #call<Result> (
    sql: string, params: readonly SqlValue[], use: (statement: StatementSync, bound: Bound[]) => Result
  ): Result {
    checkValues(sql, params)
    try {
      return use(this.#prepare(sql), params.map(bind))
    } catch (error) {
      throw sqliteError(error, this.#file, sql)
    }
  }

  #prepare (sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql.replace(ROW_LOCK, ''))
      this.#statements.set(sql, statement)
    }
    return statement
  }
}

/** One command at a time: nobody can change what another has read. */
const ROW_LOCK = / FOR (UPDATE|SHARE)$/

type Bound = string | bigint | null

/** node:sqlite binds each number as REAL: 5 would be '5.0' in a text column, and 5 / 2 would be 2.5. */
function bind (value: SqlValue): Bound {
  return typeof value === 'number' ? BigInt(value) : value
}

class SqliteBatch implements Batch<SqlCommand> {
  readonly #connection: Connection
  readonly #flush: WalFlush | undefined
  readonly #now: () => number
  readonly #onOutbox: () => void
  #appended = 0

  constructor (connection: Connection, flush: WalFlush | undefined, now: () => number, onOutbox: () => void) {
    this.#connection = connection
    this.#flush = flush
    this.#now = now
    this.#onOutbox = onOutbox
  }

  begin (): void {
    this.#flush?.check()
    this.#appended = 0
    // IMMEDIATE: a lock that is missing must show here, where it can be waited for, not in the middle.
    this.#connection.exec('BEGIN IMMEDIATE')
  }

  open (): SqlCommand {
    this.#connection.exec('SAVEPOINT command')
    return new SqlCommand(this.#connection, this.#now)
  }

  keep (command: SqlCommand): void {
    command.end()
    command.check()
    this.#connection.exec('RELEASE command')
    this.#appended += command.appended
  }

  undo (command: SqlCommand): void {
    command.end()
    this.#connection.exec('ROLLBACK TO command; RELEASE command')
  }

  alive (): boolean {
    return this.#connection.inTransaction
  }

  async commit (): Promise<void> {
    this.#connection.exec('COMMIT')
    await this.#flush?.flush()
    if (this.#appended > 0) this.#onOutbox()
  }

  rollback (): void {
    if (this.#connection.inTransaction) this.#connection.exec('ROLLBACK')
  }
}
