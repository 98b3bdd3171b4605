/** Puts a message into a queue, once for each dedupe id. */
import { crc32 } from 'node:zlib'
import type { SqlTx } from '../../store/store.ts'
import type { Outgoing } from '../bus.ts'
import { checksum } from './checksum.ts'
import { bury } from './dead-letters.ts'

/** As long as SQS remembers; later duplicates are the inbox's to catch. */
export const SEEN_MS = 5 * 60_000

/** A message that was written and is not in its lane yet. */
export interface Entered { readonly queue: string, readonly group: string, readonly seq: number, readonly body: string }

const CONFLICT = 'another message with the same dedupe id was taken before'

/**
 * Undefined when the queue has had it already. Another message under the same id is a mistake of its sender: delivered,
 * it would be dropped by every inbox, so it is a dead letter, where somebody can see it; `onConflict` is told.
 */
export async function enqueue (
  tx: SqlTx, queue: string, message: Outgoing, now: number, onConflict: () => void
): Promise<Entered | undefined> {
  const crc = crc32(message.body)
  if (await isNew(tx, queue, message.dedupe, crc, now)) {
    return { queue, group: message.group, seq: await insert(tx, queue, message, crc, now), body: message.body }
  }
  const seen = await tx.get<{ crc: number | null }>('SELECT crc FROM seen WHERE queue = ? AND id = ?', queue, message.dedupe)
  if (seen === undefined || seen.crc === null || seen.crc === crc) return undefined
  // Told once: its sender may send it again until it is marked as sent.
  if (!await isNew(tx, queue, `${message.dedupe} ${crc}`, crc, now)) return undefined
  await bury(tx, await insert(tx, queue, message, crc, now), CONFLICT, now)
  onConflict()
  return undefined
}

/** A row older than the window counts as not seen, whether or not the purge has come by. */
async function isNew (tx: SqlTx, queue: string, id: string, crc: number, now: number): Promise<boolean> {
  return await tx.run('INSERT INTO seen (queue, id, at, crc) VALUES (?, ?, ?, ?) ON CONFLICT (queue, id) ' +
    'DO UPDATE SET at = excluded.at, crc = excluded.crc WHERE seen.at < ?', queue, id, now, crc, now - SEEN_MS) === 1
}

async function insert (tx: SqlTx, queue: string, message: Outgoing, bodyCrc: number, now: number): Promise<number> {
  const { group: grp, id, type, body } = message
  const row = await tx.get<{ seq: number }>('INSERT INTO msg (queue, grp, id, type, sent_at, crc, body) ' +
    'VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING seq', queue, grp, id, type, now,
  checksum({ queue, grp, id, type, body }, bodyCrc), body)
  return row!.seq
}
