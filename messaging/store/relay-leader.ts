/**
 * Who relays, among the instances that share a PostgreSQL database. It is a lock of a session: an instance that dies
 * frees it at once, one that falls silent when the server has waited for long enough.
 */
import type { Session, Sessions } from './postgres-sessions.ts'

/** Any number, the same for all instances: who holds it in a database relays from it. */
const RELAY_LOCK = 7_232_811
/** Whoever leads asks more often than this. */
const SILENT_MS = 10_000

/** A standby has locks of its own. */
const TRY = `SELECT CASE WHEN pg_is_in_recovery() THEN false ELSE pg_try_advisory_lock(${RELAY_LOCK}) END AS got`

export class RelayLeader {
  readonly #sessions: Sessions
  #session: Session | undefined

  constructor (sessions: Sessions) {
    this.#sessions = sessions
  }

  /** Takes the lead, or asks whether the server still knows of it: it may have become a standby, or be another one. */
  async lead (): Promise<boolean> {
    if (this.#session !== undefined && !await this.#holds(this.#session)) this.close()
    return this.#session !== undefined || this.#take()
  }

  close (): void {
    this.#session?.drop()
    this.#session?.release()
    this.#session = undefined
  }

  async #holds (session: Session): Promise<boolean> {
    if (session.broken) return false
    const answer = await session.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby').catch(() => undefined)
    return answer?.rows[0]?.standby === false
  }

  async #take (): Promise<boolean> {
    const session = await this.#sessions.take()
    try {
      const answer = await session.query<{ got: boolean }>(TRY)
      if (answer.rows[0]?.got === true) {
        await session.query(`SET idle_session_timeout = ${SILENT_MS}`)
        this.#session = session
        return true
      }
    } catch (error) {
      session.drop()
      session.release()
      throw error
    }
    session.release()
    return false
  }
}
