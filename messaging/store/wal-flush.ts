/**
 * Flushes sqlite's write-ahead log without holding the event loop. sqlite itself would flush inside COMMIT, on the
 * loop's own thread, which can answer nobody meanwhile. So the writer commits without (`synchronous=NORMAL`), and this
 * flushes the log's file from the thread pool before anybody is told: what was answered survives a power cut, as with
 * `synchronous=FULL`. The log's own checksums make sure that recovery takes whole commits only, in their order.
 */
import { closeSync, fdatasync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { messagingError } from '../errors.ts'

export class WalFlush {
  readonly #file: string
  readonly #fd: number
  #flushing: Promise<void> | undefined
  #failure: Error | undefined

  /** The log must exist: it does once something was written in WAL mode, until the last connection closes. */
  constructor (file: string) {
    this.#file = `${file}-wal`
    // No lock of sqlite's lies on this file; on the database itself, closing a second descriptor would drop them all.
    this.#fd = openSync(this.#file, 'r+')
    syncFolder(dirname(file))
  }

  /** Resolves when everything that was committed before the call is on the disk. */
  flush (): Promise<void> {
    const flushing = new Promise<void>((resolve, reject) => {
      fdatasync(this.#fd, error => {
        if (this.#flushing === flushing) this.#flushing = undefined
        if (error === null) {
          resolve()
          return
        }
        this.#failure = messagingError('E_STORE_DOWN', [error.message], { where: this.#file, cause: error })
        reject(this.#failure)
      })
    })
    this.#flushing = flushing
    return flushing
  }

  /** Undefined when all that can be read is on the disk; else what to wait for before telling anybody what was read. */
  get pending (): Promise<void> | undefined {
    return this.#flushing
  }

  /**
   * After a failed flush the system may have dropped what it could not write, and the next flush would succeed without
   * it: nothing is taken any more until the file is opened anew.
   */
  check (): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  close (): void {
    closeSync(this.#fd)
  }
}

/** A new file is only there after a power cut when its folder was flushed, too. */
function syncFolder (folder: string): void {
  const fd = openSync(folder, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
