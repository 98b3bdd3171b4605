import { join } from 'node:path'
import type { Test } from 'tap'
import { BUS_TABLES, BusBook, openSqlite, type BookOptions, type SqlStore } from '../index.ts'
import { fileMark } from '../bus/embedded/mark.ts'
import { ManualClock } from './manual-clock.ts'

/** A bus's book on files of a test, whose lives follow each other; told is what a person would read. */
export class BookRig {
  readonly clock = new ManualClock()
  readonly told: string[] = []
  readonly errors: unknown[] = []
  readonly file: string
  store!: SqlStore
  book!: BusBook

  constructor (t: Test) {
    this.file = join(t.testdir(), 'bus.db')
    t.teardown(() => this.store.close().catch(() => {}))
    this.open()
  }

  open (options: BookOptions = {}): void {
    this.store = openSqlite({ file: this.file, tables: BUS_TABLES })
    this.book = new BusBook(this.store, { clock: this.clock, mark: fileMark(`${this.file}-mark`),
      onError: error => { this.errors.push(error) }, onNotice: text => { this.told.push(text) }, ...options })
  }

  /** Ends this life; `kill` without a word to the book. */
  async end (how: 'stop' | 'kill' = 'stop'): Promise<void> {
    if (how === 'stop') await this.book.close()
    await this.store.close()
  }

  async again (options: BookOptions = {}): Promise<void> {
    await this.end()
    this.open(options)
  }
}
