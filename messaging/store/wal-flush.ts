/**
 * Flushes sqlite's write-ahead log without holding the event loop. sqlite itself would flush inside COMMIT, on the
 * loop's own thread, which can answer nobody meanwhile. So the writer commits without (`synchronous=NORMAL`), and this
 * flushes the log's file from the thread pool before anybody is told: what was answered survives a power cut, as with
 * `synchronous=FULL`. The log's own checksums make sure that recovery takes whole commits only, in their order.
 */
import { closeSync, fdatasync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { messagingError } from '../errors.ts'

/** Writes a file's data out; fs.fdatasync. */
export type Sync = (fd: number, done: (error: Error | null) => void) => void

export class WalFlush {
  readonly #file: string
  readonly #sync: Sync
  readonly #fd: number
  #flushing: Promise<void> | undefined
  #failure: Error | undefined

  /** The log must exist: it does once something was written in WAL mode, until the last connection closes. */
  constructor (file: string, sync: Sync = fdatasync) {
    this.#file = `${file}-wal`
    this.#sync = sync
    // No lock of sqlite's lies on this file; on the database itself, closing a second descriptor would drop them all.
    this.#fd = openSync(this.#file, 'r+')
    syncFolder(dirname(file))
  }

  /** Resolves when everything that was committed before the call is on the disk. */
  flush (): Promise<void> {
    const flushing = new Promise<void>((resolve, reject) => {
      this.#sync(this.#fd, error => {
        if (error === null) resolve()
        else reject(this.#fail(error))
      })
    })
    this.#flushing = flushing
    const end = (): void => { if (this.#flushing === flushing) this.#flushing = undefined }
    flushing.then(end, end)
    return flushing
  }

  /**
   * Undefined when all that can be read is on the disk; else what to wait for before telling anybody what was read.
   * After a flush that failed, nothing is told any more: what is read may be what the disk has lost.
   */
  get pending (): Promise<void> | undefined {
    return this.#failure === undefined ? this.#flushing : Promise.reject(this.#failure)
  }

  /**
   * After a failed flush the system may have dropped what it could not write, and the next flush would succeed without
   * it: nothing is taken any more until the file is opened anew.
   */
  check (): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #fail (cause: Error): Error {
    this.#failure = messagingError('E_STORE_FLUSH', [cause.message], { where: this.#file, cause })
    return this.#failure
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
