/**
 * Looks for sagas whose deadline has passed. Each is told in a transaction of its own; one that cannot be told is set
 * aside for a while, with growing waits, so that it holds up none of those behind it.
 */
import { backOffMs } from '../back-off.ts'
import type { Emitter } from '../emitter.ts'
import type { SqlReader, SqlTx } from '../store/store.ts'
import { redateBeyond, sagasBeyond, writeFailure } from './saga-rows.ts'
import type { SagaType } from './sagas.ts'

/** A saga that could not be told, the how manieth time in a row. */
export interface DeadlineFailure {
  readonly sagaId: string
  readonly type: string
  readonly failures: number
  readonly error: unknown
}

export interface DeadlineParts {
  readonly sagas: readonly SagaType[]
  readonly reader: SqlReader
  /** Not one that is refused while the outbox is full: that must not keep a saga from compensating. */
  readonly inTransaction: <Value>(fn: (tx: SqlTx, emit: Emitter) => Promise<Value>) => Promise<Value>
  readonly now: () => number
  readonly onFailure: (failure: DeadlineFailure) => void
  /** So many sagas were dated anew. */
  readonly onRedated: (count: number) => void
}

/** Told side by side, so that their transactions share a flush. */
const BATCH = 50
const FIRST_WAIT_MS = 1000
const MAX_WAIT_MS = 300_000

/** Clocks of instances are not so far apart; one that was set, or wrong when its machine started, may have been. */
const AHEAD_MS = 300_000

/** So many in a row, without one that could be told between them, are not the fault of one saga. */
const MANY = 10

export class Deadlines {
  readonly #parts: DeadlineParts
  /** Those that failed since the last one that did not. */
  readonly #failing = new Set<string>()
  #lastError: unknown

  constructor (parts: DeadlineParts) {
    this.#parts = parts
  }

  /** Tells all that are due, until `stopped`. Rejects when the store takes nothing, or no saga can be told. */
  async look (stopped: () => boolean): Promise<void> {
    await this.#bringBack()
    for (const type of this.#parts.sagas) {
      for (let due = BATCH; due === BATCH && !stopped();) due = await this.#tellBatch(type)
    }
    if (this.#failing.size < MANY) return
    throw new Error(`the deadlines of the last ${MANY} sagas could not be handled: ${String(this.#lastError)}`,
      { cause: this.#lastError })
  }

  /** What was written by a clock that was ahead would wait for its hour to come, however long that is. */
  async #bringBack (): Promise<void> {
    const { reader, inTransaction, now, onRedated } = this.#parts
    const latest = now() + AHEAD_MS
    const count = await sagasBeyond(reader, latest)
    if (count === 0) return
    await inTransaction(tx => redateBeyond(tx, latest, now()))
    onRedated(count)
  }

  async #tellBatch (type: SagaType): Promise<number> {
    const ids = await type.due(this.#parts.reader, this.#parts.now(), BATCH)
    const results = await Promise.allSettled(ids.map(id => this.#tell(type, id)))
    const failed = results.find(result => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return ids.length
  }

  async #tell (type: SagaType, id: string): Promise<void> {
    const { inTransaction, now, onFailure } = this.#parts
    try {
      await inTransaction((tx, emit) => type.expire(tx, emit, id))
      this.#failing.clear()
    } catch (error) {
      this.#lastError = error
      if (this.#failing.size < MANY) this.#failing.add(id)
      // Not spread: one instance tells it.
      const failures = await inTransaction(tx => writeFailure(tx, id, String(error).slice(0, 1000), n =>
        now() + backOffMs(n, FIRST_WAIT_MS, MAX_WAIT_MS, () => 1)))
      onFailure({ sagaId: id, type: type.definition.type, failures, error })
    }
  }
}
