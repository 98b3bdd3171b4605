/** What one command has read and wants to write, over what lies below it. */
import { messagingError } from '../errors.ts'
import { checkKey, checkValue } from './key-value-entry.ts'
import { STATE } from './key-value-keys.ts'
import type { KeyValueTx } from './store.ts'

/** What a transaction of any key-value engine can do. Keys and values are messaging's own and legal. */
export interface RawTx {
  get<Value> (key: string): Promise<Value | undefined>
  put (key: string, value: unknown): void
  remove (key: string): void
  /** Puts a row into the outbox when the command is kept, unless there is an entry at `dedupe` then. */
  append (dedupe: string, row: object): void
}

/** A row for the outbox. It gets its number when it is kept: a number read before would be everybody's to fight for. */
export interface Append {
  readonly dedupe: string
  /** A JSON object without `seq`. */
  readonly row: string
}

/** One transaction holds no more: while it is written, everybody else waits. */
const MAX_WRITES = 10_000
const MAX_CHARACTERS = 16 * 1024 * 1024

export class WriteSet implements RawTx {
  /** Undefined marks what is removed. */
  readonly entries = new Map<string, string | undefined>()
  readonly appends: Append[] = []
  #characters = 0
  #open = true
  readonly #below: (key: string) => string | undefined | Promise<string | undefined>

  constructor (below: (key: string) => string | undefined | Promise<string | undefined>) {
    this.#below = below
  }

  async get<Value> (key: string): Promise<Value | undefined> {
    this.#check()
    const text = this.entries.has(key) ? this.entries.get(key) : await this.#below(key)
    return text === undefined ? undefined : JSON.parse(text) as Value
  }

  put (key: string, value: unknown): void {
    this.#check()
    const text = JSON.stringify(value)
    this.#count(text)
    this.entries.set(key, text)
  }

  remove (key: string): void {
    this.#check()
    this.#count('')
    this.entries.set(key, undefined)
  }

  append (dedupe: string, row: object): void {
    this.#check()
    const text = JSON.stringify(row)
    this.#count(text)
    this.appends.push({ dedupe, row: text })
  }

  /** Whoever uses it from now on is told so, instead of writing into nothing. */
  close (): void {
    this.#open = false
  }

  get empty (): boolean {
    return this.entries.size === 0 && this.appends.length === 0
  }

  #check (): void {
    if (!this.#open) throw messagingError('E_TX_CLOSED')
  }

  #count (text: string): void {
    this.#characters += text.length
    const writes = this.entries.size + this.appends.length
    if (writes >= MAX_WRITES || this.#characters > MAX_CHARACTERS) {
      throw messagingError('E_TX_LARGE', [writes + 1, this.#characters])
    }
  }
}

/** The service's own entries. */
export function stateOf (tx: RawTx): Pick<KeyValueTx, 'get' | 'put' | 'remove'> {
  return {
    get: async key => tx.get(STATE + checkKey(key)),
    put: (key, value) => { tx.put(STATE + checkKey(key), checkValue(key, value)) },
    remove: key => { tx.remove(STATE + checkKey(key)) }
  }
}

/** A row as it is kept, with its number. */
export function numbered (row: string, seq: number): string {
  return `${row.slice(0, -1)},"seq":${seq}}`
}
