/**
 * Commands on PostgreSQL: side by side, each on one state of the database; again when another one was first, alone when
 * that has happened a few times.
 */
import type { Clock } from '../clock.ts'
import { hasCode, messagingError } from '../errors.ts'
import { inTime } from './deadline.ts'
import { mayBeRace } from './postgres-errors.ts'
import type { Session, Sessions } from './postgres-sessions.ts'
import { writer } from './postgres-sql.ts'
import { SqlCommand } from './sql-command.ts'
import type { SqlTx, TxOptions } from './store.ts'

/** Refused this often, a command runs alone. */
const SIDE_BY_SIDE = 3
const MAX_TRIES = 6
/** The lock comes before the first look at the data, which decides what moment a transaction sees. */
const BEGIN = 'BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE gate IN ROW SHARE MODE'
const BEGIN_ALONE = 'BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE gate IN EXCLUSIVE MODE'

export interface CommandsParts {
  readonly sessions: Sessions
  readonly clock: Clock
  readonly random: () => number
  /** A command that takes longer is undone. */
  readonly commandMs: number
  /** Called behind a commit that put something into the outbox. */
  readonly onOutbox: () => void
}

export class Commands {
  readonly #parts: CommandsParts

  constructor (parts: CommandsParts) {
    this.#parts = parts
  }

  async run<Value> (fn: (tx: SqlTx) => Promise<Value>, { alone = false }: TxOptions = {}): Promise<Value> {
    const { sessions, clock, random } = this.#parts
    const once = new Set<string>()
    for (let tries = 1; ; tries++) {
      try {
        const begin = alone || tries > SIDE_BY_SIDE ? BEGIN_ALONE : BEGIN
        return await sessions.use(session => this.#try(session, begin, fn))
      } catch (error) {
        if (tries === MAX_TRIES || !mayPass(error, once)) throw error
        await clock.delay(random() * 2 ** tries)
      }
    }
  }

  async #try<Value> (session: Session, begin: string, fn: (tx: SqlTx) => Promise<Value>): Promise<Value> {
    const { clock, commandMs, onOutbox } = this.#parts
    const command = new SqlCommand(writer(session), () => clock.now())
    try {
      await session.query(begin)
      const value = await inTime(clock, commandMs, fn(command.tx), () => session.asking)
      command.end()
      command.check()
      await commit(session, command)
      if (command.appended > 0) onOutbox()
      return value
    } catch (error) {
      command.end()
      await undo(session, error)
      throw error
    }
  }
}

/** Also after a BEGIN that failed: given back as it is, the session would refuse whatever is asked next. */
async function undo (session: Session, error: unknown): Promise<void> {
  const isLate = hasCode(error, 'E_TX_SLOW') || (session.asking && hasCode(error, 'E_STORE_BUSY'))
  // Whatever it still waits for may take for ever.
  if (isLate) session.drop()
  if (!session.broken) await session.query('ROLLBACK').catch(() => { session.drop() })
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
