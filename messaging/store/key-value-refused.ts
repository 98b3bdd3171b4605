/** Messages that the bus will never take, at keys of their own: set aside, they hold up nobody. */
import type { Entries, KeyValueCommits } from './key-value-commits.ts'
import { behind, dedupeKey, newKey, REFUSED, refusedKey, seqOf } from './key-value-keys.ts'
import type { RawTx } from './key-value-writes.ts'
import type { OutboxRow, RefusedRow, RefusedRows } from './store.ts'

export function refusedRows (entries: Entries, run: KeyValueCommits['run']): RefusedRows {
  const end = behind(REFUSED)
  const chosen = async (seqs: readonly number[] | 'all'): Promise<readonly number[]> => seqs === 'all'
    ? (await entries.last(REFUSED, end, await entries.count(REFUSED, end))).map(seqOf).reverse()
    : seqs.toSorted((a, b) => a - b)
  /** One after the other: each is whole, and nobody waits for thousands. */
  const take = async (seqs: readonly number[] | 'all', use: (tx: RawTx, row: RefusedRow) => void): Promise<number> => {
    let taken = 0
    for (const seq of await chosen(seqs)) {
      taken += await run(async tx => {
        const row = await tx.get<RefusedRow>(refusedKey(seq))
        if (row === undefined) return 0
        tx.remove(refusedKey(seq))
        use(tx, row)
        return 1
      })
    }
    return taken
  }
  return {
    add: (refusals, nowMs) => run(async tx => {
      for (const { seq, reason } of refusals) await setAside(tx, seq, reason, nowMs)
    }),
    list: async limit => (await entries.range(REFUSED, end, limit)).map(({ value }) => JSON.parse(value) as RefusedRow),
    retry: (seqs, nowMs) => take(seqs, (tx, { seq: _seq, reason: _reason, refusedAt: _refusedAt, ...row }) => {
      tx.append(dedupeKey(row.dedupe), { ...row, at: nowMs })
    }),
    drop: seqs => take(seqs, () => {}),
    count: () => entries.count(REFUSED, end)
  }
}

async function setAside (tx: RawTx, seq: number, reason: string, nowMs: number): Promise<void> {
  const row = await tx.get<OutboxRow>(newKey(seq))
  if (row === undefined) return
  tx.remove(newKey(seq))
  tx.remove(dedupeKey(row.dedupe))
  tx.put(refusedKey(seq), { ...row, reason, refusedAt: nowMs } satisfies RefusedRow)
}
