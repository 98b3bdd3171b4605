/** What orders knows of users, from their events: enough to decide while users is away. */
import type { Envelope, SqlReader, SqlTx } from '@breakwater/messaging'

export const USER_TABLES = `
CREATE TABLE IF NOT EXISTS known_users (
  id TEXT PRIMARY KEY, status TEXT NOT NULL, version {{int}} NOT NULL
) {{strict}};
`

export interface KnownUser {
  readonly id: string
  readonly status: string
  readonly version: number
}

export function findKnownUser (reader: SqlReader, userId: string): Promise<KnownUser | undefined> {
  return reader.get<KnownUser>('SELECT id, status, version FROM known_users WHERE id = ?', userId)
}

/** An older version never overwrites a newer one: a reordered bus is harmless. */
export async function keepUser (tx: SqlTx, user: KnownUser): Promise<void> {
  await tx.run(`INSERT INTO known_users (id, status, version) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, version = excluded.version
    WHERE known_users.version < excluded.version`, user.id, user.status, user.version)
}

export function userOf (message: Envelope): KnownUser {
  const status = message.type === 'users.UserSuspended.v1' ? 'SUSPENDED' : 'ACTIVE'
  return { id: message.subject, status, version: message.aggregateversion }
}
