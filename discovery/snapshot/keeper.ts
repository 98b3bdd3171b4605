import type { Logger } from 'pino'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Book } from '../registry/book.ts'
import { discoveryError } from '../errors.ts'
import { loadFile, replaceFile } from './file.ts'
import { writeSnapshot } from './format.ts'

export interface KeeperOptions {
  readonly path: string
  /** The least time between two writes. */
  readonly intervalMs: number
  /** Given to a log that begins anew. */
  readonly epoch: string
  readonly now: () => number
  readonly log: Logger | undefined
}

/** A large book is written less often: writing takes at most this share of the time. */
const MAX_SHARE = 0.1

/**
 * Keeps the book on disk, so that a lone registry that is restarted answers at once with what it knew. Renewals are
 * not written: whoever was registered gets a fresh lease, and has until its end to confirm it by a heartbeat.
 */
export class SnapshotKeeper {
  readonly #book: Book
  readonly #options: KeeperOptions
  #epoch: string
  #writtenN = -1
  #writing: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined

  constructor (book: Book, options: KeeperOptions) {
    this.#book = book
    this.#options = options
    this.#epoch = options.epoch
  }

  /** The name of the log: the one of the file when nothing can have happened since, else a new one. */
  get epoch (): string {
    return this.#epoch
  }

  /** Fills the book from the file and starts writing. To be awaited before anybody is served. */
  async start (): Promise<void> {
    const { path } = this.#options
    try {
      await this.#load()
      // From now on the log moves; a file that still called itself clean would be believed after a crash.
      await this.#write(false)
    } catch (cause) {
      const reason = (cause as NodeJS.ErrnoException).code ?? 'no reason given'
      throw discoveryError('E_SNAPSHOT_FILE', [path, reason], { where: 'breakwater.discovery.snapshot-file', cause })
    }
    this.#schedule(this.#options.intervalMs)
  }

  async #load (): Promise<void> {
    const { path, now, log } = this.#options
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const loaded = await loadFile(path, now())
    if (loaded !== undefined && 'movedTo' in loaded) {
      log?.warn({ path, movedTo: loaded.movedTo }, 'the snapshot file is torn or not ours; it was moved aside and the registry starts empty')
    } else if (loaded !== undefined) {
      const { snapshot } = loaded
      if (snapshot.clean) this.#epoch = snapshot.epoch
      this.#book.copies.restore(snapshot, snapshot.clean ? snapshot.n : undefined)
      log?.info({ path, instances: this.#book.size, clean: snapshot.clean }, 'snapshot loaded, the leases wait for a heartbeat')
    }
  }

  /** Writes a last time. After it the log must not move. */
  async stop (): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#writing
    await this.#write(true).catch((failure: unknown) => this.#report(failure))
  }

  #schedule (ms: number): void {
    this.#timer = setTimeout(() => { this.#writing = this.#cycle() }, ms)
  }

  async #cycle (): Promise<void> {
    const startedAt = performance.now()
    if (this.#book.log.n !== this.#writtenN) {
      await this.#write(false).catch((failure: unknown) => this.#report(failure))
    }
    const tookMs = performance.now() - startedAt
    if (this.#timer !== undefined) this.#schedule(Math.max(this.#options.intervalMs, tookMs / MAX_SHARE))
  }

  /** A full disk must not stop a registry that serves from memory. */
  #report (failure: unknown): void {
    this.#options.log?.error({ err: failure, path: this.#options.path }, 'the snapshot could not be written')
  }

  async #write (clean: boolean): Promise<void> {
    const n = this.#book.log.n
    const head = { epoch: this.#epoch, n, clean, at: this.#options.now() }
    await replaceFile(this.#options.path, writeSnapshot(head, this.#book.copies.states()))
    this.#writtenN = n
  }
}
