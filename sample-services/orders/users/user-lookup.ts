/**
 * A user that orders has not heard of yet may have registered a moment ago: one direct question to users, through the
 * breaker and with a short deadline. Everybody else is known from events, so that users may be away.
 */
import type { Messaging, SqlReader, SqlTx } from '@breakwater/messaging'
import type { ServiceClient } from '@breakwater/starter'
import { orderError } from '../errors.ts'
import { findKnownUser, keepUser } from '../store/known-users.ts'

/** Answers `undefined` when users says that there is none; rejects when users cannot be asked. */
export type AskUsers = (userId: string) => Promise<{ status: string, version: number } | undefined>

/** Long enough for one retry, short enough that nobody waits for a service that is down. */
const ASK_MS = 500

/** Asks through the load-balanced client and its breaker. */
export function askUsers (users: ServiceClient): AskUsers {
  return async userId => {
    const response = await users.get(`/users/${encodeURIComponent(userId)}`, { timeoutMs: ASK_MS })
    if (response.status === 404) return undefined
    if (!response.ok) throw new Error(`users answered ${response.status}`)
    return response.json<{ status: string, version: number }>()
  }
}

export class UserLookup {
  readonly #ask: AskUsers
  readonly #reader: SqlReader
  readonly #messaging: Messaging<SqlTx>

  constructor (ask: AskUsers, reader: SqlReader, messaging: Messaging<SqlTx>) {
    this.#ask = ask
    this.#reader = reader
    this.#messaging = messaging
  }

  /** Makes sure that the user is known here, if there is one. */
  async ensure (userId: string): Promise<void> {
    if (await findKnownUser(this.#reader, userId) !== undefined) return
    const user = await this.#ask(userId)
      .catch((cause: unknown) => { throw orderError('E_USERS_DOWN', [userId], { cause }) })
    if (user === undefined) return
    await this.#messaging.inTransaction(tx => keepUser(tx, { id: userId, status: user.status, version: user.version }))
  }
}
