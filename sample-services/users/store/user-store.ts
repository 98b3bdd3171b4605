/** Users as rows. `pos` numbers the changes in one line, so that a replica can ask for what came after the last one. */
import type { SqlCommitted, SqlReader, SqlTx } from '@breakwater/messaging'
import type { User } from '../domain/user.ts'

export const USER_TABLES = `
CREATE TABLE IF NOT EXISTS users (
  id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, status TEXT NOT NULL,
  version {{int}} NOT NULL, pos {{int}} NOT NULL
) {{strict}};
CREATE INDEX IF NOT EXISTS users_pos ON users (pos);
{{line users.pos}};
`

const COLUMNS = 'id AS "userId", email, name, status, version'

/** Returns false when the address is taken. */
export async function insertUser (tx: SqlTx, user: User): Promise<boolean> {
  const rows = await tx.run(`INSERT INTO users (id, email, name, status, version, pos)
    VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (email) DO NOTHING`,
  user.userId, user.email, user.name, user.status, user.version, await tx.position('users'))
  return rows === 1
}

export async function updateUser (tx: SqlTx, user: User): Promise<void> {
  await tx.run('UPDATE users SET status = ?, version = ?, pos = ? WHERE id = ?',
    user.status, user.version, await tx.position('users'), user.userId)
}

export function findUser (reader: SqlReader, userId: string): Promise<User | undefined> {
  return reader.get<User>(`SELECT ${COLUMNS} FROM users WHERE id = ?`, userId)
}

/** A user as of a change. */
export interface UserChange extends User {
  readonly pos: number
}

/** Changes handed out at once; a shorter page is the last one. */
export const PAGE = 1000

/** No further than the line is final: who reads on behind it would miss what is committed later. */
export async function changesAfter (reader: SqlCommitted, pos: number): Promise<UserChange[]> {
  const settled = await reader.settled('users')
  return reader.all<UserChange>(`SELECT ${COLUMNS}, pos FROM users WHERE pos > ? AND pos <= ? ORDER BY pos LIMIT ?`,
    pos, settled, PAGE)
}
