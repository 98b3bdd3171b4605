/**
 * One command's view of a relational store. It refuses to work once its command is over, when a late write would land
 * in another's; and once a statement has failed, because PostgreSQL has given the transaction up by then and would
 * answer COMMIT with ROLLBACK, which looks like success to who does not look.
 */
import { messagingError } from '../errors.ts'
import { sqlMessaging, type SqlRunner } from './sql-messaging.ts'
import type { SqlTx } from './store.ts'

/** What an engine does for a command. */
export type SqlWriter = SqlRunner & Pick<SqlTx, 'position'>

export class SqlCommand {
  readonly tx: SqlTx
  /** Rows put into the outbox. */
  appended = 0
  #open = true
  #failure: unknown

  constructor (runner: SqlWriter, now: () => number) {
    const guarded: SqlWriter = {
      get: (sql, ...params) => this.#guard(() => runner.get(sql, ...params)),
      all: (sql, ...params) => this.#guard(() => runner.all(sql, ...params)),
      run: (sql, ...params) => this.#guard(() => runner.run(sql, ...params)),
      position: line => this.#guard(() => runner.position(line))
    }
    this.tx = { ...guarded, ...sqlMessaging(guarded, now, rows => { this.appended += rows }) }
  }

  /** Nothing is taken from now on. */
  end (): void {
    this.#open = false
  }

  /** Throws what failed inside, also when the command has caught it. */
  check (): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  async #guard<Value> (use: () => Promise<Value>): Promise<Value> {
    if (!this.#open) throw messagingError('E_TX_CLOSED')
    this.check()
    try {
      return await use()
    } catch (error) {
      this.#failure ??= error
      throw error
    }
  }
}
