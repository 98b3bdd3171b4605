/**
 * What nobody waits for: erasures of messages that were handled, and counts of their tries. They are written together
 * with what comes in next, or a moment later. A kill that swallows them brings a second delivery, or one more try.
 */
import type { Cancel, Clock } from '../../clock.ts'
import type { SqlStore } from '../../store/sqlite.ts'
import type { SqlTx } from '../../store/store.ts'
import { erase } from './dead-letters.ts'
import type { Counts } from './lanes.ts'

const WAIT_MS = 25

export class Erasures {
  readonly #store: SqlStore
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  #done: number[] = []
  #counted = new Map<number, Counts>()
  #soon: Cancel | undefined

  constructor (store: SqlStore, clock: Clock, onError: (error: unknown) => void) {
    this.#store = store
    this.#clock = clock
    this.#onError = onError
  }

  erase (seq: number): void {
    this.#counted.delete(seq)
    this.#done.push(seq)
    this.#flushSoon()
  }

  count (seq: number, { failures, unanswered }: Counts): void {
    this.#counted.set(seq, { failures, unanswered })
    this.#flushSoon()
  }

  async flush (): Promise<void> {
    this.#soon?.()
    this.#soon = undefined
    const [seqs, counted] = [this.#done, this.#counted]
    if (seqs.length === 0 && counted.size === 0) return
    this.#done = []
    this.#counted = new Map()
    await this.#store.tx(async tx => {
      if (seqs.length > 0) await erase(tx, seqs)
      await writeCounts(tx, counted)
    }).catch((error: unknown) => {
      this.#onError(error)
      // A full or locked disk: they are written with the next ones, or come again after a restart.
      this.#done = [...seqs, ...this.#done]
      this.#counted = new Map([...counted, ...this.#counted])
    })
  }

  #flushSoon (): void {
    this.#soon ??= this.#clock.after(WAIT_MS, () => { void this.flush() })
  }
}

export async function writeCounts (tx: SqlTx, counts: Iterable<readonly [seq: number, counts: Counts]>): Promise<void> {
  for (const [seq, { failures, unanswered }] of counts) {
    await tx.run('UPDATE msg SET failures = ?, unanswered = ? WHERE seq = ?', failures, unanswered, seq)
  }
}
