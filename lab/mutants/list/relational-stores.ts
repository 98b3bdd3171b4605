/** Faults of the relational stores. */
import type { Mutant } from '../mutant.ts'

const SQLITE = ['messaging/test/store-sqlite.test.ts']
const FILES = ['messaging/test/store-sqlite-files.test.ts']
const POSTGRES = ['messaging/test/store-postgres.test.ts']
const FAULTS = ['messaging/test/store-postgres-faults.test.ts']

export const RELATIONAL_STORES: readonly Mutant[] = [
  {
    id: 'sql-always-fresh',
    package: 'messaging',
    breaks: 'a message that comes a second time is known',
    file: 'messaging/store/sql-messaging.ts',
    from: 'if (inserted === 1) return { fresh: true }',
    to: 'return { fresh: true }',
    seenBy: SQLITE
  },
  {
    id: 'sql-second-answer',
    package: 'messaging',
    breaks: 'of two answers under one key the first is kept, and the second command is undone',
    file: 'messaging/store/sql-messaging.ts',
    from: 'if (inserted !== 1) throw messagingError(\'E_STORE_CONFLICT\')',
    to: '',
    seenBy: SQLITE
  },
  {
    id: 'sql-purge-once',
    package: 'messaging',
    breaks: 'a purge goes on until nothing old is left',
    file: 'messaging/store/purging.ts',
    from: '    kinds = more\n',
    to: '    kinds = []\n',
    seenBy: SQLITE
  },
  {
    id: 'sql-marks-one',
    package: 'messaging',
    breaks: 'all rows that the bus took are marked',
    file: 'messaging/store/sql-messaging.ts',
    from: 'seqs[n] ?? seqs.at(-1)!',
    to: 'seqs[0]!',
    seenBy: SQLITE
  },
  {
    id: 'sql-unsent-any-order',
    package: 'messaging',
    breaks: 'the outbox is sent in the order of writing',
    file: 'messaging/store/sql-messaging.ts',
    from: 'ORDER BY seq LIMIT ?\', after',
    to: 'ORDER BY id DESC LIMIT ?\', after',
    seenBy: SQLITE
  },
  {
    id: 'sql-late-write',
    package: 'messaging',
    breaks: 'a transaction that is over takes nothing',
    file: 'messaging/store/sql-command.ts',
    from: 'if (!this.#open) throw messagingError(\'E_TX_CLOSED\')',
    to: '',
    seenBy: SQLITE
  },
  {
    id: 'sql-swallowed',
    package: 'messaging',
    breaks: 'a statement that failed fails its command, also when the command has caught the error',
    file: 'messaging/store/sql-command.ts',
    from: 'this.#failure ??= error',
    to: '',
    seenBy: SQLITE
  },
  {
    id: 'sql-nul',
    package: 'messaging',
    breaks: 'text with U+0000 reaches no engine',
    file: 'messaging/store/values.ts',
    from: 'text.includes(\'\\0\')',
    to: 'text === \'\\0\'',
    seenBy: SQLITE
  },
  {
    id: 'sql-half-pair',
    package: 'messaging',
    breaks: 'text with half a surrogate pair reaches no engine',
    file: 'messaging/store/values.ts',
    from: 'text.isWellFormed()',
    to: 'text.length > 0',
    seenBy: SQLITE
  },
  {
    id: 'sql-fraction',
    package: 'messaging',
    breaks: 'a fraction reaches no engine',
    file: 'messaging/store/values.ts',
    from: 'Number.isSafeInteger(value)',
    to: 'Number.isFinite(value)',
    seenBy: SQLITE
  },
  {
    id: 'sqlite-real',
    package: 'messaging',
    breaks: 'whole numbers are bound as whole numbers',
    file: 'messaging/store/sqlite.ts',
    from: 'typeof value === \'number\' ? BigInt(value) : value',
    to: 'value as Bound',
    seenBy: SQLITE
  },
  {
    id: 'sqlite-told-after-failure',
    package: 'messaging',
    breaks: 'after a flush that failed nothing is told any more',
    file: 'messaging/store/wal-flush.ts',
    from: 'this.#failure === undefined ? this.#flushing : Promise.reject(this.#failure)',
    to: 'this.#flushing',
    seenBy: SQLITE
  },
  {
    id: 'sqlite-foreign',
    package: 'messaging',
    breaks: 'the file of another application is refused',
    file: 'messaging/store/sqlite-file.ts',
    from: 'if (!ours) {',
    to: 'if (ours === undefined) {',
    seenBy: FILES
  },
  {
    id: 'sqlite-damaged',
    package: 'messaging',
    breaks: 'a damaged file is refused',
    file: 'messaging/store/sqlite-file.ts',
    from: 'if (answer !== \'ok\') throw',
    to: 'if (answer === \'\') throw',
    seenBy: FILES
  },
  {
    id: 'sqlite-no-log',
    package: 'messaging',
    breaks: 'a file system without a write-ahead log is refused',
    file: 'messaging/store/sqlite-file.ts',
    from: 'if (got !== wanted) throw',
    to: 'if (got === undefined) throw',
    seenBy: FILES
  },
  {
    id: 'sqlite-owned-by-nobody',
    package: 'messaging',
    breaks: 'a file that cannot be written is not said to belong to somebody',
    file: 'messaging/store/owner-lock.ts',
    from: "hasCode(error, 'E_STORE_BUSY') ?",
    to: 'error !== undefined ?',
    seenBy: FILES
  },
  {
    id: 'postgres-never-alone',
    package: 'messaging',
    breaks: 'a command that is refused again and again runs alone',
    file: 'messaging/store/postgres-commands.ts',
    from: 'alone || tries > SIDE_BY_SIDE ?',
    to: 'alone ?',
    seenBy: POSTGRES
  },
  {
    id: 'postgres-not-alone',
    package: 'messaging',
    breaks: 'a command that asks for it runs alone',
    file: 'messaging/store/postgres-commands.ts',
    from: 'alone || tries > SIDE_BY_SIDE ?',
    to: 'tries > SIDE_BY_SIDE ?',
    seenBy: POSTGRES
  },
  {
    id: 'postgres-read-committed',
    package: 'messaging',
    breaks: 'no update is lost',
    file: 'messaging/store/postgres-commands.ts',
    from: 'const BEGIN = \'BEGIN ISOLATION LEVEL REPEATABLE READ;',
    to: 'const BEGIN = \'BEGIN ISOLATION LEVEL READ COMMITTED;',
    seenBy: POSTGRES
  },
  {
    id: 'postgres-any-commit',
    package: 'messaging',
    breaks: 'a commit that the server turned into a rollback is no success',
    file: 'messaging/store/postgres-commands.ts',
    from: 'if (answer.command === \'COMMIT\') return',
    to: 'if (answer.command !== \'\') return',
    seenBy: POSTGRES
  },
  {
    id: 'postgres-lost-answer',
    package: 'messaging',
    breaks: 'a commit whose answer is lost is told as such',
    file: 'messaging/store/postgres-commands.ts',
    from: 'if (!session.broken) throw cause',
    to: 'if (cause !== undefined) throw cause',
    seenBy: FAULTS
  },
  {
    id: 'postgres-unique-for-ever',
    package: 'messaging',
    breaks: 'a key that is there is no race at the second look',
    file: 'messaging/store/postgres-commands.ts',
    from: 'if (reason === undefined || once.has(reason)) return false',
    to: 'if (reason === undefined) return false',
    seenBy: POSTGRES
  },
  {
    id: 'postgres-unique-no-race',
    package: 'messaging',
    breaks: 'of many that look and then insert one inserts, and none fails',
    file: 'messaging/store/postgres-errors.ts',
    from: '/^23(505|P01)$/',
    to: '/^never$/',
    seenBy: POSTGRES
  },
  {
    id: 'postgres-read-only-never',
    package: 'messaging',
    breaks: 'a read-only server is not now',
    file: 'messaging/store/postgres-errors.ts',
    from: '[/^25006$/, \'E_STORE_READ_ONLY\'],',
    to: '',
    seenBy: POSTGRES
  },
  {
    id: 'postgres-listener',
    package: 'messaging',
    breaks: 'sessions leave no listener behind',
    file: 'messaging/store/postgres-sessions.ts',
    from: 'this.#client.removeListener(\'error\', this.#onError)',
    to: '',
    seenBy: FAULTS
  },
  {
    id: 'postgres-dead-session',
    package: 'messaging',
    breaks: 'a session that the server ended while nobody used it is replaced',
    file: 'messaging/store/postgres-sessions.ts',
    from: 'if (session.answered || !hasCode(error, \'E_STORE_DOWN\')) throw error',
    to: 'throw error',
    seenBy: FAULTS
  },
  {
    id: 'postgres-overtaking',
    package: 'messaging',
    breaks: 'a line is not settled behind a number that is not committed',
    file: 'messaging/store/postgres-lines.ts',
    from: 'while (open.length > 0)',
    to: 'while (open.length < 0)',
    seenBy: POSTGRES
  },
  {
    id: 'postgres-line-behind',
    package: 'messaging',
    breaks: 'a line goes on behind what its table was numbered with',
    file: 'messaging/store/sql-schema.ts',
    from: 'max(${column}) IS NOT NULL)',
    to: 'max(${column}) IS NULL)',
    seenBy: POSTGRES
  },
  {
    id: 'postgres-standby',
    package: 'messaging',
    breaks: 'a standby is refused at the start',
    file: 'messaging/store/postgres-start.ts',
    from: 'if (server.standby) throw',
    to: 'if (server.version < 0) throw',
    seenBy: FAULTS
  },
  {
    id: 'postgres-not-flushed',
    package: 'messaging',
    breaks: 'a server that does not flush is refused at the start',
    file: 'messaging/store/postgres-start.ts',
    from: 'if (server[setting] !== \'off\') continue',
    to: 'continue',
    seenBy: FAULTS
  },
  {
    id: 'postgres-old-leader',
    package: 'messaging',
    breaks: 'a leader whose session has ended leads no more',
    file: 'messaging/store/relay-leader.ts',
    from: 'if (this.#session !== undefined && !await this.#holds(this.#session)) this.close()',
    to: '',
    seenBy: POSTGRES
  },
  {
    id: 'lock-wait-for-all',
    package: 'messaging',
    breaks: 'what is read-only is told at once, only a held lock is waited for',
    file: 'messaging/store/group-commit.ts',
    from: 'if (!held ||',
    to: 'if (',
    seenBy: ['messaging/test/group-commit.test.ts']
  }
]
