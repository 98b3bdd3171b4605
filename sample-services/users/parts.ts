/** What users is made of, wherever it runs: as a process of its own (`users.ts`), or in a world of a test. */
import { Schemas, type MessagingParts, type SqlTx } from '@breakwater/messaging'
import { MESSAGES } from './messages.ts'

export { USER_TABLES as USERS_TABLES } from './store/user-store.ts'

const schemas = new Schemas(MESSAGES)

/** It tells, and is told nothing. */
export function usersParts (): Pick<MessagingParts<SqlTx>, 'schemas'> {
  return { schemas }
}
