/**
 * A store of messaging on any engine of ordered keys that one process owns. Commands run over an overlay in memory, one
 * after the other; the overlay of a batch becomes one write of the engine, flushed before anybody is answered.
 */
import { systemClock, type Clock } from '../clock.ts'
import { messagingError } from '../errors.ts'
import { GroupCommit, type Batch } from './group-commit.ts'
import {
  keyValueInbox, keyValueMessaging, keyValueOutbox, keyValuePurge, STATE, type RawTx
} from './key-value-messaging.ts'
import type { KeyValueReader, KeyValueTx, Store } from './store.ts'

export type KeyValueStore = Store<KeyValueTx, KeyValueReader>

/** Undefined marks what is removed. */
export type Writes = ReadonlyMap<string, string | undefined>

/** Texts by their keys, in the order of the keys. Reads see what was written last. */
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
  close (): Promise<void>
}

export function createKeyValueStore (engine: KeyValueEngine, clock: Clock = systemClock): KeyValueStore {
  const now = () => clock.now()
  const listeners: Array<() => void> = []
  const batch = new EngineBatch(engine, now, () => { for (const wake of listeners) wake() })
  const commits = new GroupCommit<Overlay>(batch, { maxCommands: 100, lockWaitMs: 1000, commandMs: 5000, clock })
  const write = (fn: (tx: RawTx) => Promise<void>) => commits.run(overlay => fn(overlay))
  const all = reader(engine, '')
  return {
    description: engine.description,
    tx: fn => commits.run(overlay => fn(overlay.tx)),
    read: reader(engine, STATE),
    outbox: keyValueOutbox(all, write, async () => true, async prefix => engine.count(prefix, after(prefix))),
    inbox: limit => keyValueInbox(async (prefix, count) => [...engine.last(prefix, after(prefix), count)], limit),
    onOutbox: listener => { listeners.push(listener) },
    purge: before => keyValuePurge(all, write, before),
    check: () => write(async tx => { tx.put('check', now()) }),
    close: async () => {
      await commits.run(async () => {}).catch(() => {})
      await engine.close()
    }
  }
}

function reader (engine: KeyValueEngine, root: string): KeyValueReader {
  return {
    get: async <Value>(key: string) => parse<Value>(engine.get(root + key)),
    range: async <Value>(prefix: string, limit: number) =>
      [...engine.range(root + prefix, after(root + prefix), limit)].map(({ key, value }) =>
        ({ key: key.slice(root.length), value: JSON.parse(value) as Value }))
  }
}

/** The end of a prefix's range: no key of ours has this character. */
function after (prefix: string): string {
  return `${prefix}\u{10FFFF}`
}

function parse<Value> (text: string | undefined): Value | undefined {
  return text === undefined ? undefined : JSON.parse(text) as Value
}

/** One command's writes over the batch's writes over the engine. */
class Overlay implements RawTx {
  readonly writes = new Map<string, string | undefined>()
  readonly tx: KeyValueTx
  appended = 0
  #open = true
  readonly #below: (key: string) => string | undefined

  constructor (below: (key: string) => string | undefined, now: () => number) {
    this.#below = below
    this.tx = {
      get: key => this.get(STATE + key),
      put: (key, value) => { this.put(STATE + key, value) },
      remove: key => { this.remove(STATE + key) },
      ...keyValueMessaging(this, now, rows => { this.appended += rows })
    }
  }

  async get<Value> (key: string): Promise<Value | undefined> {
    this.#check()
    return parse<Value>(this.writes.has(key) ? this.writes.get(key) : this.#below(key))
  }

  put (key: string, value: unknown): void {
    this.#check()
    this.writes.set(key, JSON.stringify(value))
  }

  remove (key: string): void {
    this.#check()
    this.writes.set(key, undefined)
  }

  close (): void {
    this.#open = false
  }

  #check (): void {
    if (!this.#open) throw messagingError('E_TX_CLOSED')
  }
}

class EngineBatch implements Batch<Overlay> {
  readonly #engine: KeyValueEngine
  readonly #now: () => number
  readonly #onOutbox: () => void
  #writes = new Map<string, string | undefined>()
  #appended = 0

  constructor (engine: KeyValueEngine, now: () => number, onOutbox: () => void) {
    this.#engine = engine
    this.#now = now
    this.#onOutbox = onOutbox
  }

  begin (): void {
    this.#writes = new Map()
    this.#appended = 0
  }

  open (): Overlay {
    return new Overlay(key => this.#writes.has(key) ? this.#writes.get(key) : this.#engine.get(key), this.#now)
  }

  keep (overlay: Overlay): void {
    overlay.close()
    for (const [key, text] of overlay.writes) this.#writes.set(key, text)
    this.#appended += overlay.appended
  }

  undo (overlay: Overlay): void {
    overlay.close()
  }

  alive (): boolean {
    return true
  }

  async commit (): Promise<void> {
    await this.#engine.write(this.#writes)
    if (this.#appended > 0) this.#onOutbox()
  }

  rollback (): void {
    this.#writes = new Map()
  }
}
