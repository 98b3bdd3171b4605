/**
 * A store of messaging on any engine of ordered keys that one process owns. Commands run over an overlay in memory, one
 * after the other; the overlay of a batch becomes one write of the engine, flushed before anybody is answered.
 */
import { systemClock, type Clock } from '../clock.ts'
import { closing } from './closing.ts'
import { GroupCommit, type Batch } from './group-commit.ts'
import { newKey, SEQ } from './key-value-keys.ts'
import { keyValueParts, type KeyValueStore } from './key-value-messaging.ts'
import { numbered, WriteSet } from './key-value-writes.ts'

export type { KeyValueStore } from './key-value-messaging.ts'

/** Undefined marks what is removed. */
export type Writes = ReadonlyMap<string, string | undefined>

/** Texts by their keys, in the order of the keys' UTF-8 bytes. Reads see what was written last. */
export interface KeyValueEngine {
  readonly description: string
  get (key: string): string | undefined
  /** From `start` up to, but not, `end`. */
  range (start: string, end: string, limit: number): Iterable<{ key: string, value: string }>
  /** The last keys before `end`, not below `start`, the last first. */
  last (start: string, end: string, limit: number): Iterable<string>
  count (start: string, end: string): number
  /** All of it or nothing; resolves when it would survive a power cut. */
  write (writes: Writes): Promise<void>
  /** As {@link Store.verify}; `alone` runs a function while nothing is written. */
  verify? (alone: (fn: () => Promise<void>) => Promise<void>, clock: Clock): Promise<void>
  close (): Promise<void>
}

export function createKeyValueStore (
  engine: KeyValueEngine, clock: Clock = systemClock, commandMs = 5000
): KeyValueStore {
  const commits = new GroupCommit<WriteSet>(new EngineBatch(engine),
    { maxCommands: 100, lockWaitMs: 1000, commandMs, clock })
  const entries = {
    get: async (key: string) => engine.get(key),
    range: async (start: string, end: string, limit: number) => [...engine.range(start, end, limit)],
    last: async (start: string, end: string, limit: number) => [...engine.last(start, end, limit)],
    count: async (start: string, end: string) => engine.count(start, end)
  }
  return closing({
    ...keyValueParts({ entries, run: fn => commits.run(fn), lead: async () => true, ordered: true },
      clock),
    description: engine.description,
    ...(engine.verify === undefined ? {} : { verify: () => engine.verify!(fn => commits.run(fn), clock) }),
    close: async () => {
      await commits.run(async () => {}).catch(() => {})
      await engine.close()
    }
  })
}

/** Each command's writes over the batch's, and these over the engine. */
class EngineBatch implements Batch<WriteSet> {
  readonly #engine: KeyValueEngine
  #writes = new Map<string, string | undefined>()

  constructor (engine: KeyValueEngine) {
    this.#engine = engine
  }

  begin (): void {
    this.#writes = new Map()
  }

  open (): WriteSet {
    return new WriteSet(key => this.#get(key))
  }

  keep (writes: WriteSet): void {
    writes.close()
    for (const [key, text] of writes.entries) this.#writes.set(key, text)
    let seq = Number(this.#get(SEQ) ?? 0)
    for (const { dedupe, row } of writes.appends) {
      if (this.#get(dedupe) !== undefined) continue
      seq++
      this.#writes.set(newKey(seq), numbered(row, seq))
      this.#writes.set(dedupe, String(seq))
      this.#writes.set(SEQ, String(seq))
    }
  }

  undo (writes: WriteSet): void {
    writes.close()
  }

  alive (): boolean {
    return true
  }

  async commit (): Promise<void> {
    if (this.#writes.size > 0) await this.#engine.write(this.#writes)
  }

  rollback (): void {
    this.#writes = new Map()
  }

  #get (key: string): string | undefined {
    return this.#writes.has(key) ? this.#writes.get(key) : this.#engine.get(key)
  }
}
