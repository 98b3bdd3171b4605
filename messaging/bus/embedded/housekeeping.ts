/** What is forgotten in time: dedupe ids without a word, dead letters and what nobody ever asked for only with one. */
import type { Clock } from '../../clock.ts'
import type { SqlStore } from '../../store/sqlite.ts'
import { SEEN_MS } from './enqueue.ts'
import type { Notice } from './notice.ts'
import type { Unwanted } from './unwanted.ts'

/** Dead letters are kept as long as SQS keeps them, and so are messages that are nobody's. */
const KEEP_MS = 14 * 24 * 3_600_000
/** Rows in one transaction: whoever sends meanwhile waits for no more. */
const BATCH = 5000

/** Queues, as far as they are to be forgotten. */
export interface Queues {
  queues (): Promise<string[]>
  isProvisioned (queue: string): boolean
  giveUp (queue: string, sentBefore: number, error: string): Promise<number>
}

export async function purge (
  store: SqlStore, queues: Queues, unwanted: Unwanted, clock: Clock, notice: Notice
): Promise<void> {
  await forgetSeen(store, clock.now() - SEEN_MS)
  const before = clock.now() - KEEP_MS
  for (const { queue, type, count } of await forgetDead(store, before)) {
    notice(`${count} dead letters are forgotten: nobody has sent them again or dropped them in 14 days`, { queue, type })
  }
  for (const queue of await queues.queues()) {
    const wanted = queues.isProvisioned(queue)
    if (unwanted.met(queue, wanted)) notice('no service has ever asked for this queue: what is sent to it waits', { queue })
    if (wanted) continue
    const count = await queues.giveUp(queue, before, 'no service has ever asked for this queue')
    if (count > 0) notice(`${count} messages are dead letters: no service has asked for their queue in 14 days`, { queue })
  }
}

async function forgetSeen (store: SqlStore, before: number): Promise<void> {
  const forget = () => store.tx(tx => tx.run(
    `DELETE FROM seen WHERE rowid IN (SELECT rowid FROM seen WHERE at < ? LIMIT ${BATCH})`, before))
  while (await forget() === BATCH);
}

interface Forgotten { readonly queue: string, readonly type: string, readonly count: number }

async function forgetDead (store: SqlStore, before: number): Promise<Forgotten[]> {
  const old = await store.read.all<Forgotten>(
    'SELECT queue, type, count(*) AS count FROM dead WHERE at < ? GROUP BY queue, type', before)
  const forget = () => store.tx(tx => tx.run(
    `DELETE FROM dead WHERE rowid IN (SELECT rowid FROM dead WHERE at < ? LIMIT ${BATCH})`, before))
  if (old.length > 0) while (await forget() === BATCH);
  return old
}
