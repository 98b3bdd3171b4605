/** Which bus it is: a number that is made with its database. */
import { randomInt } from 'node:crypto'
import type { SqlTx } from '../../store/store.ts'

/** Of each answer: the bus's own. Of a question: of the bus that is meant. */
export const IDENTITY_HEADER = 'breakwater-bus'

const MAX = 2 ** 47

/** Reads it, or makes it. */
export async function identify (tx: SqlTx): Promise<string> {
  await tx.run("INSERT INTO total (name, n) VALUES ('identity', ?) ON CONFLICT (name) DO NOTHING", randomInt(1, MAX))
  const row = await tx.get<{ n: number }>("SELECT n FROM total WHERE name = 'identity'")
  return row!.n.toString(16)
}
