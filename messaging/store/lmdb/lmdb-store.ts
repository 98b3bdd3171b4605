/**
 * The embedded key-value store: lmdb, owned by one process. The file is looked through before lmdb sees it, because a
 * damaged one ends the process there without a word, or serves what is left of it.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import type { Clock } from '../../clock.ts'
import { messagingError } from '../../errors.ts'
import { createKeyValueStore, type KeyValueEngine, type KeyValueStore, type Writes } from '../key-value-store.ts'
import { lockFile } from '../owner-lock.ts'
import { checkFile, checkFileNow } from './check-file.ts'
import { commitError, lmdbError } from './errors.ts'
import { NOTHING, replaced, seal, SUMS, unseal, type Sums } from './seal.ts'

export interface LmdbOptions {
  readonly file: string
  /** How long a command may take before it is undone. @default 5000 */
  readonly commandMs?: number
  /** @default the machine's */
  readonly clock?: Clock
}

type Database = RootDatabase<string, Buffer>

/** Looking through a file takes some seconds per gigabyte; of a larger one only what is cut off is seen at start. */
const MAX_CHECKED_BYTES = 2 ** 28
/** Between two commits there may be readers alone. */
const MAX_SEEN = 1000
/** Entries looked at in one turn. */
const TURN = 1000

/**
 * Opens the file. Errors: E_STORE_OWNED when another process has it, E_STORE_CORRUPT when it is not as it was written,
 * E_STORE_READ_ONLY where nothing can be written.
 */
export async function openLmdb ({ file, clock, commandMs }: LmdbOptions): Promise<KeyValueStore> {
  // lmdb's own files may be read by everybody: nobody else gets into the folder.
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  const owner = lockFile(file)
  try {
    if (existsSync(file)) checkFileNow(file, MAX_CHECKED_BYTES)
    else await create(file)
    const engine = new LmdbEngine(file, connect(file), () => { owner.close() })
    await engine.sealOld()
    return createKeyValueStore(engine, clock, commandMs)
  } catch (error) {
    owner.close()
    throw lmdbError(error, file)
  }
}

function connect (file: string): Database {
  return open({ path: file, encoding: 'string', noSubdir: true,
    // The driver's own encoding of texts cuts long ones at U+0000, and sorts short and long ones by different rules.
    keyEncoding: 'binary',
    // It would let a commit return before its pages are on the disk.
    overlappingSync: false,
    // We make our own batches. The driver's have a promise that nobody can take up: the first that failed, on a full
    // disk, would end the process.
    eventTurnBatching: false })
}

/** Made beside and moved into place: an empty file at `file` is one that was cut, never one that was just begun. */
async function create (file: string): Promise<void> {
  const beside = `${file}-new`
  for (const one of [beside, `${beside}-lock`]) rmSync(one, { force: true })
  const database = connect(beside)
  await database.put(Buffer.from(SUMS), seal(SUMS, JSON.stringify(NOTHING)))
  await database.close()
  renameSync(beside, file)
  rmSync(`${beside}-lock`, { force: true })
  const folder = openSync(dirname(file), 'r')
  fsyncSync(folder)
  closeSync(folder)
}

class LmdbEngine implements KeyValueEngine {
  readonly description: string
  readonly #file: string
  readonly #database: Database
  readonly #release: () => void
  #sums: Sums = NOTHING
  /** Sealed values read since the last commit: most of what a batch writes it has read before. */
  readonly #seen = new Map<string, string | undefined>()
  #verifying: Promise<void> | undefined
  #closing = false

  constructor (file: string, database: Database, release: () => void) {
    this.description = `lmdb ${file}`
    this.#file = file
    this.#database = database
    this.#release = release
  }

  get (key: string): string | undefined {
    const sealed = this.#sealed(key)
    if (this.#seen.size < MAX_SEEN) this.#seen.set(key, sealed)
    return this.#open(key, sealed)
  }

  range (start: string, end: string, limit: number): Iterable<{ key: string, value: string }> {
    return this.#database.getRange({ start: Buffer.from(start), end: Buffer.from(end), limit }).map(entry => {
      const key = entry.key.toString()
      return { key, value: this.#open(key, entry.value)! }
    })
  }

  last (start: string, end: string, limit: number): Iterable<string> {
    const range = { start: Buffer.from(end), end: Buffer.from(start), reverse: true, limit }
    return this.#database.getKeys(range).map(String)
  }

  count (start: string, end: string): number {
    return this.#database.getKeysCount({ start: Buffer.from(start), end: Buffer.from(end) })
  }

  /** One lmdb transaction, written and flushed by lmdb's own thread. */
  async write (writes: Writes): Promise<void> {
    const sealed = new Map<string, string | undefined>()
    let sums = this.#sums
    for (const [key, text] of writes) {
      const after = text === undefined ? undefined : seal(key, text)
      sums = replaced(sums, this.#seen.has(key) ? this.#seen.get(key) : this.#sealed(key), after)
      sealed.set(key, after)
    }
    await this.#commit(sealed, sums)
  }

  /** Reads the sums, or makes them for a file of the time before there were any. */
  async sealOld (): Promise<void> {
    const known = this.get(SUMS)
    if (known !== undefined) {
      this.#sums = JSON.parse(known) as Sums
      return
    }
    const sealed = new Map<string, string>()
    let sums = NOTHING
    for (const entry of this.#database.getRange()) {
      const key = entry.key.toString()
      const after = seal(key, entry.value)
      sums = replaced(sums, undefined, after)
      sealed.set(key, after)
    }
    await this.#commit(sealed, sums)
  }

  /** Looks the whole file through, as it is at one moment; others get their turn meanwhile. */
  verify (alone: (fn: () => Promise<void>) => Promise<void>, clock: Clock): Promise<void> {
    this.#verifying ??= this.#lookThrough(alone, clock).finally(() => { this.#verifying = undefined })
    return this.#verifying
  }

  async #lookThrough (alone: (fn: () => Promise<void>) => Promise<void>, clock: Clock): Promise<void> {
    // It keeps the pages of this moment from being used for anything else.
    const moment = this.#database.useReadTransaction()
    const looking = checkFile(this.#file)
    try {
      // While nothing is written, and so no half of a state is read.
      await alone(async () => { looking.next() })
      for (let n = 1; looking.next().done !== true; n++) {
        if (n % TURN === 0) await clock.turn()
        if (this.#closing) throw messagingError('E_STORE_DOWN', ['it is closed'], { where: this.#file })
      }
    } finally {
      moment.done()
    }
  }

  async close (): Promise<void> {
    this.#closing = true
    await this.#verifying?.catch(() => {})
    await this.#database.close()
    this.#release()
  }

  async #commit (sealed: Writes, sums: Sums): Promise<void> {
    const promises: Array<Promise<unknown>> = []
    const put = (key: string, text: string | undefined): void => {
      const bytes = Buffer.from(key)
      promises.push(text === undefined ? this.#database.remove(bytes) : this.#database.put(bytes, text))
    }
    const done = this.#database.batch(() => {
      for (const [key, text] of sealed) put(key, text)
      put(SUMS, seal(SUMS, JSON.stringify(sums)))
    })
    // Each has a promise of its own; one that fails and that nobody has taken up would end the process.
    const [end] = await Promise.allSettled([done, ...promises])
    this.#seen.clear()
    if (end.status === 'rejected') throw await commitError(end.reason, this.#file)
    this.#sums = sums
  }

  #sealed (key: string): string | undefined {
    return this.#database.get(Buffer.from(key))
  }

  #open (key: string, sealed: string | undefined): string | undefined {
    if (sealed === undefined) return undefined
    const text = unseal(key, sealed)
    if (text !== undefined) return text
    throw messagingError('E_STORE_CORRUPT', [this.#file, `the entry ${JSON.stringify(key)} is not what was written`])
  }
}
