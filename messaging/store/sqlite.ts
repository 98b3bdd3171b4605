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
import { messagingError } from '../errors.ts'
import { GroupCommit, type Batch } from './group-commit.ts'
import { lockFile } from './owner-lock.ts'
import { MESSAGING_TABLES, spell } from './sql-schema.ts'
import { sqlMessaging, sqlOutbox, sqlPurge, type SqlRunner } from './sql-messaging.ts'
import type { SqlReader, SqlTx, SqlValue, Store } from './store.ts'
import { WalFlush } from './wal-flush.ts'

export interface SqliteOptions {
  /** The file; its folder is made. `:memory:` has no second connection and is therefore refused. */
  readonly file: string
  /** The service's own tables, `CREATE TABLE IF NOT EXISTS`, with the tokens of {@link spell}. */
  readonly tables: string
  /** `full` survives a power cut, `normal` a kill of the process. Default `full`. */
  readonly synchronous?: 'full' | 'normal'
  /** How long a command waits for a lock held by a stranger. Default 1000. */
  readonly lockWaitMs?: number
  /** @default the machine's */
  readonly clock?: Clock
  /** For tests: how the files are opened. */
  readonly files?: Partial<SqliteFiles>
}

/** The ways to a store's files. */
export interface SqliteFiles {
  connect (file: string): DatabaseSync
  /** Takes the file for this process; closing the handle gives it back. */
  lock (file: string): { close (): void }
  /** What makes commits durable. */
  flush (file: string): WalFlush
}

const FILES: SqliteFiles = {
  // The timeout is how long sqlite would block the event loop on a foreign lock; the group commit waits instead.
  connect: file => new DatabaseSync(file, { timeout: 10 }),
  lock: lockFile,
  flush: file => new WalFlush(file)
}

const CHECK = "INSERT INTO idempotency (scope, key, hash, status, body, at) VALUES ('check', '', '', 0, '', ?) " +
  'ON CONFLICT (scope, key) DO UPDATE SET at = excluded.at'

export type SqlStore = Store<SqlTx, SqlReader>

/** Opens the file, makes the tables, and returns the store. Throws E_STORE_OWNED when another process has it. */
export function openSqlite (options: SqliteOptions): SqlStore {
  mkdirSync(dirname(options.file), { recursive: true })
  const files = { ...FILES, ...options.files }
  const owner = files.lock(options.file)
  try {
    return createStore(options, files, owner)
  } catch (error) {
    owner.close()
    throw storeError(error, options.file)
  }
}

function createStore (options: SqliteOptions, files: SqliteFiles, owner: { close (): void }): SqlStore {
  const { file, clock = systemClock } = options
  const now = () => clock.now()
  const writer = prepare(files.connect(file))
  writer.exec(spell(MESSAGING_TABLES + options.tables, 'sqlite'))
  const reader = prepare(files.connect(file))
  const flush = options.synchronous === 'normal' ? undefined : files.flush(file)
  const listeners: Array<() => void> = []
  const onOutbox = (): void => { for (const wake of listeners) wake() }
  const batch = new SqliteBatch(new Connection(writer, file), flush, now, onOutbox)
  const commits = new GroupCommit<Handle>(batch,
    { maxCommands: 100, lockWaitMs: options.lockWaitMs ?? 1000, commandMs: 5000, clock })
  const read = flushedReader(new Connection(reader, file), flush)
  return {
    description: `sqlite ${file}`,
    tx: fn => commits.run(handle => fn(handle.tx)),
    read,
    outbox: sqlOutbox(read, fn => commits.run(handle => fn(handle.tx)), async () => true),
    inbox: limit => read.all('SELECT consumer, id, at FROM inbox ORDER BY at DESC LIMIT ?', limit),
    onOutbox: listener => { listeners.push(listener) },
    purge: before => commits.run(handle => sqlPurge(handle.tx, before)),
    // A write, not a look: a disk that is full or read-only shows itself to nobody who only reads.
    check: () => commits.run(async handle => { await handle.tx.run(CHECK, now()) }),
    close: async () => {
      await commits.run(async () => {}).catch(() => {})
      for (const one of [reader, writer, flush, owner]) one?.close()
    }
  }
}

function prepare (database: DatabaseSync): DatabaseSync {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON')
  return database
}

/** Nobody may act on what a power cut could still undo: the relay would tell others of what never was. */
function flushedReader (connection: Connection, flush: WalFlush | undefined): SqlReader {
  const flushed = async <Value>(value: Value): Promise<Value> => {
    await flush?.pending
    return value
  }
  return {
    get: async <Row>(sql: string, ...params: SqlValue[]) => flushed(await connection.get<Row>(sql, ...params)),
    all: async <Row>(sql: string, ...params: SqlValue[]) => flushed(await connection.all<Row>(sql, ...params))
  }
}

/** Prepared statements by their text; the texts are constants of the code, so the map stays small. */
class Connection implements SqlRunner {
  readonly #database: DatabaseSync
  readonly #file: string
  readonly #statements = new Map<string, StatementSync>()

  constructor (database: DatabaseSync, file: string) {
    this.#database = database
    this.#file = file
  }

  async get<Row> (sql: string, ...params: readonly SqlValue[]): Promise<Row | undefined> {
    return this.#call(sql, statement => statement.get(...params)) as Row | undefined
  }

  async all<Row> (sql: string, ...params: readonly SqlValue[]): Promise<Row[]> {
    return this.#call(sql, statement => statement.all(...params)) as Row[]
  }

  async run (sql: string, ...params: readonly SqlValue[]): Promise<number> {
    return Number(this.#call(sql, statement => statement.run(...params)).changes)
  }

  exec (sql: string): void {
    try {
      this.#database.exec(sql)
    } catch (error) {
      throw storeError(error, this.#file)
    }
  }

  get inTransaction (): boolean {
    return this.#database.isOpen && this.#database.isTransaction
  }

  #call<Result> (sql: string, use: (statement: StatementSync) => Result): Result {
    try {
      let statement = this.#statements.get(sql)
      if (statement === undefined) {
        statement = this.#database.prepare(sql)
        this.#statements.set(sql, statement)
      }
      return use(statement)
    } catch (error) {
      throw storeError(error, this.#file)
    }
  }
}

/** One command's view: refuses to work once its command is over, when a late write would land in another's. */
class Handle {
  appended = 0
  #open = true
  readonly tx: SqlTx

  constructor (connection: Connection, now: () => number) {
    const guarded: SqlRunner = {
      get: (sql, ...params) => this.#guard(() => connection.get(sql, ...params)),
      all: (sql, ...params) => this.#guard(() => connection.all(sql, ...params)),
      run: (sql, ...params) => this.#guard(() => connection.run(sql, ...params))
    }
    this.tx = { ...guarded, ...sqlMessaging(guarded, now, rows => { this.appended += rows }) }
  }

  close (): void {
    this.#open = false
  }

  async #guard<Value> (use: () => Promise<Value>): Promise<Value> {
    if (!this.#open) throw messagingError('E_TX_CLOSED')
    return use()
  }
}

class SqliteBatch implements Batch<Handle> {
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

  open (): Handle {
    this.#connection.exec('SAVEPOINT command')
    return new Handle(this.#connection, this.#now)
  }

  keep (handle: Handle): void {
    handle.close()
    this.#connection.exec('RELEASE command')
    this.#appended += handle.appended
  }

  undo (handle: Handle): void {
    handle.close()
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

/** sqlite's primary result codes that mean "not now" rather than "never". */
function storeError (error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !('errcode' in error)) return error
  const primary = Number(error.errcode) & 0xff
  const details = { where: file, cause: error }
  if (primary === 5 || primary === 6) return messagingError('E_STORE_BUSY', [], details)
  if (primary === 13) return messagingError('E_STORE_FULL', [], details)
  // readonly, I/O error, cannot open, not a database, corrupt
  if ([8, 10, 11, 14, 26].includes(primary)) return messagingError('E_STORE_DOWN', [error.message], details)
  return error
}
