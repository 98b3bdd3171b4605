/**
 * The disk under a key-value store: entries in memory, and a write that is whole or not there, as a transaction of lmdb
 * is: whoever crashes in the middle of one finds either.
 */
import type { Clock } from '../clock.ts'
import { messagingError } from '../errors.ts'
import {
  createKeyValueStore, type KeyValueEngine, type KeyValueStore, type Writes
} from '../store/key-value-store.ts'
import type { Random } from './random.ts'

const FLUSH_MS = 2

export class KeyValueDisk {
  readonly #name: string
  readonly #random: Random
  readonly #entries = new Map<string, string>()
  /** Sorted. */
  readonly #keys: string[] = []
  #writing: Writes | undefined
  /** Called behind each write that is done. */
  onWrite: (writes: Writes) => void = () => {}
  /** With what writes are refused. */
  #fault: 'full' | 'read-only' | undefined

  constructor (name: string, random: Random) {
    this.#name = name
    this.#random = random
  }

  open (clock: Clock): KeyValueStore {
    return createKeyValueStore(this.#engine(clock), clock)
  }

  /** What is there now, by the beginning of the keys. */
  entries (prefix: string): Array<{ key: string, value: string }> {
    return [...this.#range(prefix, `${prefix}\u{10FFFF}`, Infinity)]
  }

  /** What the store is in the middle of. */
  get moment (): string | undefined {
    return this.#writing === undefined ? undefined : 'between commit and flush'
  }

  /** Ends the process that has the store open; what it was writing is there or not, kill or power cut. */
  crash (): number {
    if (this.#writing !== undefined && this.#random.chance(0.5)) this.#apply(this.#writing)
    this.#writing = undefined
    return 0
  }

  close (): void {
    this.#writing = undefined
  }

  setFull (full: boolean): void {
    this.#fault = full ? 'full' : undefined
  }

  setReadOnly (readOnly: boolean): void {
    this.#fault = readOnly ? 'read-only' : undefined
  }

  #engine (clock: Clock): KeyValueEngine {
    return {
      description: `memory ${this.#name}`,
      get: key => this.#entries.get(key),
      range: (start, end, limit) => this.#range(start, end, limit),
      last: (start, end, limit) => this.#keys.slice(this.#at(start), this.#at(end)).reverse().slice(0, limit),
      count: (start, end) => this.#at(end) - this.#at(start),
      write: writes => this.#write(writes, clock),
      close: async () => {}
    }
  }

  #write (writes: Writes, clock: Clock): Promise<void> {
    if (this.#fault === 'full') throw messagingError('E_STORE_FULL')
    if (this.#fault === 'read-only') throw messagingError('E_STORE_DOWN', ['read-only'])
    this.#writing = writes
    return new Promise(resolve => {
      clock.after(this.#random.next() * FLUSH_MS, () => {
        this.#apply(writes)
        this.#writing = undefined
        resolve()
      })
    })
  }

  #apply (writes: Writes): void {
    for (const [key, text] of writes) {
      const at = this.#at(key)
      const known = this.#keys[at] === key
      if (text === undefined) {
        if (known) this.#keys.splice(at, 1)
        this.#entries.delete(key)
      } else {
        if (!known) this.#keys.splice(at, 0, key)
        this.#entries.set(key, text)
      }
    }
    this.onWrite(writes)
  }

  * #range (start: string, end: string, limit: number): Iterable<{ key: string, value: string }> {
    const first = this.#at(start)
    for (const key of this.#keys.slice(first, Math.min(this.#at(end), first + limit))) {
      yield { key, value: this.#entries.get(key)! }
    }
  }

  /** Where the key is, or would be. */
  #at (key: string): number {
    let [low, high] = [0, this.#keys.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#keys[middle]! < key) low = middle + 1
      else high = middle
    }
    return low
  }
}
