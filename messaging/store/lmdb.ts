/**
 * The embedded key-value store: lmdb, owned by one process. Commands run over an overlay in memory, one after the
 * other; the overlay of a batch becomes one lmdb transaction, flushed before anybody is answered.
 */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { open, type RootDatabase } from 'lmdb'
import { systemClock, type Clock } from '../clock.ts'
import { messagingError } from '../errors.ts'
import { GroupCommit, type Batch } from './group-commit.ts'
import {
  keyValueInbox, keyValueMessaging, keyValueOutbox, keyValuePurge, STATE, type RawTx
} from './key-value-messaging.ts'
import { lockFile } from './owner-lock.ts'
import type { KeyValueReader, KeyValueTx, Store } from './store.ts'

export type KeyValueStore = Store<KeyValueTx, KeyValueReader>

export interface LmdbOptions {
  readonly file: string
  /** @default the machine's */
  readonly clock?: Clock
}

/** Opens the file. Throws E_STORE_OWNED when another process has it. */
export function openLmdb ({ file, clock = systemClock }: LmdbOptions): KeyValueStore {
  const now = () => clock.now()
  mkdirSync(dirname(file), { recursive: true })
  const owner = lockFile(file)
  // overlappingSync would let a commit return before its pages are on the disk.
  const database = open<string, string>({ path: file, encoding: 'string', noSubdir: true, overlappingSync: false })
  const listeners: Array<() => void> = []
  const batch = new LmdbBatch(database, file, now, () => { for (const wake of listeners) wake() })
  const commits = new GroupCommit<Overlay>(batch, { maxCommands: 100, lockWaitMs: 1000, commandMs: 5000, clock })
  const write = (fn: (tx: RawTx) => Promise<void>) => commits.run(overlay => fn(overlay))
  const all = reader(database, '')
  return {
    description: `lmdb ${file}`,
    tx: fn => commits.run(overlay => fn(overlay.tx)),
    read: reader(database, STATE),
    outbox: keyValueOutbox(all, write, async () => true,
      async prefix => database.getKeysCount({ start: prefix, end: after(prefix) })),
    inbox: limit => keyValueInbox(async (prefix, count) =>
      [...database.getKeys({ start: after(prefix), end: prefix, reverse: true, limit: count })], limit),
    onOutbox: listener => { listeners.push(listener) },
    purge: before => keyValuePurge(all, write, before),
    check: () => write(async tx => { tx.put('check', now()) }),
    close: () => close(database, commits, owner)
  }
}

async function close (database: RootDatabase<string, string>, commits: GroupCommit<Overlay>, owner: DatabaseSync) {
  await commits.run(async () => {}).catch(() => {})
  await database.close()
  owner.close()
}

function reader (database: RootDatabase<string, string>, root: string): KeyValueReader {
  return {
    get: async <Value>(key: string) => parse<Value>(database.get(root + key)),
    range: async <Value>(prefix: string, limit: number) =>
      [...database.getRange({ start: root + prefix, end: after(root + prefix), limit })].map(({ key, value }) =>
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

/** One command's writes over the batch's writes over the file. Undefined marks what was removed. */
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

class LmdbBatch implements Batch<Overlay> {
  readonly #database: RootDatabase<string, string>
  readonly #file: string
  readonly #now: () => number
  readonly #onOutbox: () => void
  #writes = new Map<string, string | undefined>()
  #appended = 0

  constructor (database: RootDatabase<string, string>, file: string, now: () => number, onOutbox: () => void) {
    this.#database = database
    this.#file = file
    this.#now = now
    this.#onOutbox = onOutbox
  }

  begin (): void {
    this.#writes = new Map()
    this.#appended = 0
  }

  open (): Overlay {
    return new Overlay(key => this.#writes.has(key) ? this.#writes.get(key) : this.#database.get(key), this.#now)
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
    try {
      // One lmdb transaction, written and flushed by lmdb's own thread.
      await this.#database.batch(() => {
        for (const [key, text] of this.#writes) {
          if (text === undefined) void this.#database.remove(key)
          else void this.#database.put(key, text)
        }
      })
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : 'unknown'
      const code = /MAP_FULL|No space/i.test(text) ? 'E_STORE_FULL' : 'E_STORE_DOWN'
      throw messagingError(code, [text], { where: this.#file, cause })
    }
    if (this.#appended > 0) this.#onOutbox()
  }

  rollback (): void {
    this.#writes = new Map()
  }
}
