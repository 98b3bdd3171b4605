/** Messages as they come back from the disk: all of them at the start, without bodies; a body when its turn comes. */
import type { Clock } from '../../clock.ts'
import type { SqlStore } from '../../store/sqlite.ts'
import type { SqlTx } from '../../store/store.ts'
import { isWhole, type Content } from './checksum.ts'
import { erase } from './dead-letters.ts'
import { Lanes, type Counts } from './lanes.ts'

const PAGE = 10_000

/** Puts all messages into their lanes; `last` is the greatest number among them. */
export async function readLanes (store: SqlStore, clock: Clock): Promise<{ lanes: Lanes, last: number }> {
  const lanes = new Lanes()
  for (let last = 0; ;) {
    const rows = await store.read.all<Counts & { seq: number, queue: string, grp: string }>(
      'SELECT seq, queue, grp, failures, unanswered FROM msg WHERE seq > ? ORDER BY seq LIMIT ?', last, PAGE)
    if (rows.length === 0) return { lanes, last }
    for (const { seq, queue, grp, ...counts } of rows) lanes.add(queue, grp, seq, counts)
    last = rows.at(-1)!.seq
    await clock.turn()
  }
}

/** Undefined when the message is not what was written, or not there. */
export async function readBody (store: SqlStore, seq: number): Promise<string | undefined> {
  const row = await store.read.get<Content & { crc: number | null }>(
    'SELECT queue, grp, id, type, crc, body FROM msg WHERE seq = ?', seq)
  return row !== undefined && isWhole(row) ? row.body : undefined
}

/** Moves a message to where nothing is delivered from, for a person to look at. */
export async function setAside (tx: SqlTx, seq: number, now: number): Promise<void> {
  await tx.run('INSERT OR REPLACE INTO damaged (seq, queue, grp, id, type, sent_at, crc, body, at) ' +
    'SELECT seq, queue, grp, id, type, sent_at, crc, body, ? FROM msg WHERE seq = ?', now, seq)
  await erase(tx, [seq])
}
