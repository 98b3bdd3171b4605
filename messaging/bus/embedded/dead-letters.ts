/** The dead letters of the embedded bus, in the order in which their messages came. */
import { randomUUID } from 'node:crypto'
import type { DeadLetter, Outgoing } from '../bus.ts'
import type { SqlTx } from '../../store/store.ts'
import type { SqlStore } from '../../store/sqlite.ts'
import { isWhole } from './checksum.ts'
import { MAX_CALL_BYTES } from './limits.ts'

const PAGE = 20

interface Row { readonly grp: string, readonly msg_id: string, readonly type: string, readonly body: string,
  readonly crc: number | null }

/** Moves a message to the dead letters. */
export async function bury (tx: SqlTx, seq: number, error: string, now: number): Promise<void> {
  await tx.run('INSERT INTO dead (id, seq, queue, grp, msg_id, type, crc, body, error, at) ' +
    'SELECT ?, seq, queue, grp, id, type, crc, body, ?, ? FROM msg WHERE seq = ?', randomUUID(), error, now, seq)
  await erase(tx, [seq])
}

/** Removes messages; how many were ever removed is kept, because by it a loss is noticed. */
export async function erase (tx: SqlTx, seqs: readonly number[]): Promise<void> {
  let removed = 0
  for (const seq of seqs) removed += await tx.run('DELETE FROM msg WHERE seq = ?', seq)
  await tx.run("UPDATE total SET n = n + ? WHERE name = 'removed'", removed)
}

/** The first ones, as many as one answer can hold, and one in any case. */
export async function listDead (store: SqlStore, queue: string, limit: number): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = []
  let bytes = 0
  while (letters.length < limit) {
    const page = await store.read.all<DeadLetter>('SELECT id, grp AS "group", type, body, error, at FROM dead ' +
      'WHERE queue = ? ORDER BY seq, at, rowid LIMIT ? OFFSET ?', queue, Math.min(PAGE, limit - letters.length), letters.length)
    for (const letter of page) {
      bytes += Buffer.byteLength(letter.body)
      if (bytes > MAX_CALL_BYTES && letters.length > 0) return letters
      letters.push(letter)
    }
    if (page.length < PAGE) break
  }
  return letters
}

/** Ids of those that are meant, in their order; a redrive of some keeps the order of those. */
export async function deadIds (store: SqlStore, queue: string, ids: readonly string[] | 'all'): Promise<string[]> {
  const rows = await store.read.all<{ id: string }>('SELECT id FROM dead WHERE queue = ? ORDER BY seq, at, rowid', queue)
  const wanted = ids === 'all' ? undefined : new Set(ids)
  return rows.map(row => row.id).filter(id => wanted?.has(id) ?? true)
}

/**
 * Takes a letter out, as the message to be sent; under a new dedupe id, because the queue remembers the first one.
 * Undefined when it is not there, or not what it was.
 */
export async function exhume (tx: SqlTx, queue: string, id: string): Promise<Outgoing | undefined> {
  const row = await tx.get<Row>('SELECT grp, msg_id, type, body, crc FROM dead WHERE queue = ? AND id = ?', queue, id)
  if (row === undefined) return undefined
  if (!isWhole({ ...row, queue, id: row.msg_id })) {
    await tx.run("UPDATE dead SET error = 'damaged on the disk; before that: ' || error WHERE id = ? " +
      "AND error NOT LIKE 'damaged on the disk%'", id)
    return undefined
  }
  await tx.run('DELETE FROM dead WHERE id = ?', id)
  return { id: row.msg_id, dedupe: `${row.msg_id}:${id}`, group: row.grp, type: row.type, body: row.body }
}
