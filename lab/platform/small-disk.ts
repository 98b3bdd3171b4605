/**
 * A disk that can be full: a small file system of its own (tmpfs) under one service's data. Only root may mount one;
 * elsewhere there is none, and that fault is not in the run.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, cpSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const CHUNK = Buffer.alloc(64 * 1024)
const BALLAST = 'ballast'
const PROBE = 'probe'

export class SmallDisk {
  readonly #dir: string
  #mounted = true

  readonly #onExit = (): void => { this.unmount() }

  private constructor (dir: string) {
    this.#dir = dir
    // A run that is broken off must not leave a file system behind.
    process.once('exit', this.#onExit)
  }

  /** Undefined where it cannot be had. */
  static mount (dir: string, megabytes: number): SmallDisk | undefined {
    mkdirSync(dir, { recursive: true })
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', dir], { stdio: 'ignore' })
      return new SmallDisk(dir)
    } catch {
      return undefined
    }
  }

  /** Leaves not a byte, whatever the others have written meanwhile. */
  fill (): void {
    const file = openSync(join(this.#dir, BALLAST), 'a')
    try {
      for (let size = CHUNK.length; size > 0;) {
        try {
          writeSync(file, CHUNK, 0, size)
        } catch {
          // Full for this size: what is left is filled with smaller ones.
          size = Math.floor(size / 16)
        }
      }
    } finally {
      closeSync(file)
    }
  }

  /** Whether nobody can write there. */
  isFull (): boolean {
    try {
      writeFileSync(join(this.#dir, PROBE), CHUNK)
      return false
    } catch {
      return true
    } finally {
      rmSync(join(this.#dir, PROBE), { force: true })
    }
  }

  free (): void {
    rmSync(join(this.#dir, BALLAST), { force: true })
  }

  /** Takes the disk away and leaves its files in its place. */
  unmount (): void {
    if (!this.#mounted) return
    this.#mounted = false
    process.off('exit', this.#onExit)
    const copy = `${this.#dir}-copy`
    cpSync(this.#dir, copy, { recursive: true, filter: source => !source.endsWith(BALLAST) })
    // Lazily: whoever was broken off with the run may still have files open there.
    execFileSync('umount', ['-l', this.#dir])
    rmSync(this.#dir, { recursive: true, force: true })
    renameSync(copy, this.#dir)
  }
}
