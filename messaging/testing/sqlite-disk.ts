/**
 * The disk under a sqlite store: real files and the real engine, of which only the flush is simulated. A kill leaves
 * the files as they are; a power cut leaves of the write-ahead log what was flushed and some of what was not, cut off
 * at any byte, and the engine's own recovery has to make sense of it.
 */
import {
  closeSync, copyFileSync, existsSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import { openSqlite, type SqliteFiles, type SqlStore } from '../store/sqlite.ts'
import { WalFlush, type Sync } from '../store/wal-flush.ts'
import type { Random } from './random.ts'
import { templateOf } from './sqlite-template.ts'
import { bytesOf, framesOf, readLog, type Log } from './wal-index.ts'

export interface SqliteDiskParts {
  readonly dir: string
  readonly name: string
  readonly random: Random
}

const FLUSH_MS = 2

export class SqliteDisk {
  readonly #parts: SqliteDiskParts
  #life = 0
  /** What the store has open, and what those who look have. */
  #files: Array<{ close (): void }> = []
  #looking: DatabaseSync[] = []
  #writer: DatabaseSync | undefined
  #stranger: DatabaseSync | undefined
  #flushed: Log | undefined
  #flushing = 0
  /** Whether flushes fail. */
  broken = false

  constructor (parts: SqliteDiskParts) {
    this.#parts = parts
    mkdirSync(this.#dir, { recursive: true })
  }

  /** Opens the store for a process with this clock. A new one has its tables already. */
  open (tables: string, clock: Clock): SqlStore {
    if (!existsSync(this.#file)) writeFileSync(this.#file, templateOf(tables))
    const { random: { next: random } } = this.#parts
    try {
      return openSqlite({ file: this.#file, tables, clock, random, files: this.#filesFor(clock) })
    } catch (error) {
      // It has closed what it had opened.
      this.closed()
      throw error
    }
  }

  /** Another connection for who wants to look at what was committed. */
  look (): DatabaseSync {
    const database = new DatabaseSync(this.#file, { readOnly: true, timeout: 0 })
    this.#looking.push(database)
    return database
  }

  /** What the store is in the middle of. */
  get moment (): string | undefined {
    if (this.#writer?.isTransaction === true) return 'in a transaction'
    return this.#flushing > 0 ? 'between commit and flush' : undefined
  }

  /** Ends the process that has the store open. Returns how many bytes of its log a power cut has taken. */
  crash (how: 'kill' | 'power cut'): number {
    const old = this.#file
    const log = existsSync(`${old}-shm`) ? readLog(old) : undefined
    this.#life++
    mkdirSync(this.#dir, { recursive: true })
    // Copied while the old connections are open: closing them would write what a crash does not.
    for (const end of ['', '-wal']) if (existsSync(old + end)) copyFileSync(old + end, this.#file + end)
    const lost = how === 'power cut' && log !== undefined ? this.#tear(log) : 0
    this.close()
    return lost
  }

  /** Closes what the process had open. */
  close (): void {
    for (const file of this.#files) file.close()
    this.closed()
  }

  /** The process has closed its store. */
  closed (): void {
    this.unlock()
    for (const database of this.#looking) database.close()
    this.#looking = []
    this.#files = []
    this.#writer = undefined
    this.#flushing = 0
  }

  /** Somebody else takes the write lock. */
  lock (): void {
    this.#stranger ??= new DatabaseSync(this.#file, { timeout: 0 })
    try {
      this.#stranger.exec('BEGIN IMMEDIATE')
    } catch {
      // The store was faster: then there is no lock this time.
      this.unlock()
    }
  }

  unlock (): void {
    this.#stranger?.close()
    this.#stranger = undefined
  }

  /** The database may not grow any more, or may again. */
  setFull (full: boolean): void {
    if (this.#writer === undefined) return
    const { page_count: pages } = this.#writer.prepare('PRAGMA page_count').get() as { page_count: number }
    this.#writer.exec(`PRAGMA max_page_count = ${full ? pages : 0xfffffffe}`)
  }

  /** The file may not be written, or may again. */
  setReadOnly (readOnly: boolean): void {
    this.#writer?.exec(`PRAGMA query_only = ${readOnly ? 1 : 0}`)
  }

  get #dir (): string {
    return join(this.#parts.dir, `${this.#parts.name}-${this.#life}`)
  }

  get #file (): string {
    return join(this.#dir, `${this.#parts.name}.db`)
  }

  #filesFor (clock: Clock): SqliteFiles {
    const keep = <File extends { close (): void }>(file: File): File => {
      this.#files.push(file)
      return file
    }
    return {
      connect: file => {
        // No wait for locks: it would be real time.
        const database = keep(new DatabaseSync(file, { timeout: 0 }))
        this.#writer ??= database
        return database
      },
      lock: () => ({ close: () => {} }),
      startWaitMs: 0,
      flush: file => keep(new WalFlush(file, this.#sync(clock)))
    }
  }

  #sync (clock: Clock): Sync {
    return (_fd, done) => {
      const log = readLog(this.#file)
      this.#flushing++
      clock.after(this.#parts.random.next() * FLUSH_MS, () => {
        this.#flushing--
        if (this.broken) return done(new Error('EIO: i/o error, fdatasync'))
        if (log.salt !== this.#flushed?.salt || log.frames > this.#flushed.frames) this.#flushed = log
        done(null)
      })
    }
  }

  /**
   * Cuts the copied log off somewhere behind what is surely on the disk; what is behind may be there as zeros. What is
   * left is surely there from now on.
   */
  #tear (log: Log): number {
    const { random } = this.#parts
    const flushed = log.salt === this.#flushed?.salt ? this.#flushed.frames : 0
    // What sqlite has copied into the database it has flushed by itself before.
    const safe = bytesOf(log, Math.max(flushed, log.backfilled))
    const lost = bytesOf(log, log.frames) - safe
    const kept = safe + (random.chance(0.3) ? 0 : random.below(lost + 1))
    const fd = openSync(`${this.#file}-wal`, 'r+')
    try {
      ftruncateSync(fd, kept)
      const torn = safe + lost - kept
      if (random.chance(0.3)) writeSync(fd, Buffer.alloc(torn), 0, torn, kept)
      this.#flushed = { ...log, frames: framesOf(log, kept) }
      return torn
    } finally {
      closeSync(fd)
    }
  }
}
