/**
 * A number that grows whenever something in the noted folders may have changed, so that a cached answer needs no
 * file access. fs.watch tells at once; a slow sweep finds what it cannot see (network drives, folders made later).
 */
import { watch, type FSWatcher } from 'node:fs'
import { stat } from 'node:fs/promises'

const QUIET_MS = 50
const LONGEST_UNQUIET_MS = 500
const MAX_NOTED = 20_000
const MAX_WATCHED = 1024
const STATS_AT_ONCE = 16

export class FolderVersion {
  #version = 1
  readonly #signatures = new Map<string, string>()
  readonly #watchers = new Map<string, FSWatcher>()
  readonly #listeners = new Set<() => void>()
  readonly #sweepMs: number
  #timer: NodeJS.Timeout | undefined
  #quiet: NodeJS.Timeout | undefined
  #unquietSinceMs = 0

  constructor (sweepMs: number) {
    this.#sweepMs = sweepMs
  }

  get version (): number {
    return this.#version
  }

  start (): void {
    this.#timer = setTimeout(() => { void this.#sweepAgain() }, this.#sweepMs).unref()
  }

  stop (): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#quiet)
    this.#timer = undefined
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
    this.#listeners.clear()
  }

  watch (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Remembers a folder or a file that an answer depended on; a folder that exists is watched. */
  note (path: string, signature: string, isFolder: boolean): void {
    if (!this.#signatures.has(path) && this.#signatures.size >= MAX_NOTED) return
    this.#signatures.set(path, signature)
    if (isFolder && signature !== MISSING) this.#watchFolder(path)
  }

  #watchFolder (path: string): void {
    if (this.#watchers.has(path) || this.#watchers.size >= MAX_WATCHED) return
    try {
      const watcher = watch(path, { persistent: false }, () => this.#bump())
      watcher.on('error', () => this.#unwatchFolder(path))
      this.#watchers.set(path, watcher)
    } catch {
      // No inotify left, or the folder went away: the sweep still sees it.
    }
  }

  #unwatchFolder (path: string): void {
    this.#rewatch(path)
    this.#bump()
  }

  // A folder that was replaced by another one of its name is watched anew when it is next listed.
  #rewatch (path: string): void {
    this.#watchers.get(path)?.close()
    this.#watchers.delete(path)
  }

  // Answers are new at once; those who wait are told when it is quiet, as most programs write a file in two steps
  // and nobody should be woken for the empty one in between.
  #bump (): void {
    this.#version++
    const now = performance.now()
    if (this.#quiet === undefined) this.#unquietSinceMs = now
    else if (now - this.#unquietSinceMs > LONGEST_UNQUIET_MS) return
    clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => {
      this.#quiet = undefined
      for (const listener of this.#listeners) listener()
    }, QUIET_MS)
  }

  async #sweepAgain (): Promise<void> {
    await this.sweep()
    if (this.#timer !== undefined) this.start()
  }

  /** Compares everything noted with the disk, once. */
  async sweep (): Promise<void> {
    const noted = [...this.#signatures]
    let changed = false
    for (let from = 0; from < noted.length; from += STATS_AT_ONCE) {
      const part = noted.slice(from, from + STATS_AT_ONCE)
      const now = await Promise.all(part.map(async ([path]) => signatureOf(path)))
      for (const [index, [path, before]] of part.entries()) {
        if (now[index] === before || this.#signatures.get(path) !== before) continue
        this.#signatures.set(path, now[index]!)
        this.#rewatch(path)
        changed = true
      }
    }
    if (changed) this.#bump()
  }
}

/** The signature of a path that does not exist. */
export const MISSING = ''

/** What changes when a file or a folder does. */
export async function signatureOf (path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true })
    return `${ino} ${size} ${mtimeNs}`
  } catch {
    return MISSING
  }
}
