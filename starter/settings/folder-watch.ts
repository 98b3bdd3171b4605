import { readlink } from 'node:fs/promises'
import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { join } from 'node:path'

/** Kubernetes swaps this link when a mounted ConfigMap or Secret changed: all files change at once. */
const DATA_LINK = '..data'
/** Where the kernel gives no events (too many watches, some network file systems) the link is looked at instead. */
const POLL_MS = 10_000
/** A swap is several events; one reading after the last of them is enough. */
const SETTLE_MS = 100

/** What the data link of a folder points to; undefined when Kubernetes did not mount it. */
export async function dataLink (folder: string): Promise<string | undefined> {
  return await readlink(join(folder, DATA_LINK)).catch(() => undefined)
}

/**
 * Calls back after the content of mounted folders was swapped, until closed. Other folders are not watched: an
 * editor's half-saved file is no change. Never keeps the process alive.
 */
export class FolderWatch {
  readonly #changed: () => void
  readonly #watchers: FSWatcher[] = []
  readonly #links: Map<string, string | undefined>
  readonly #poll: NodeJS.Timeout | undefined
  #settle: NodeJS.Timeout | undefined

  /** `folders` are those that were read, each with its link before the reading: a swap since then counts. */
  constructor (folders: ReadonlyMap<string, string | undefined>, changed: () => void) {
    this.#changed = changed
    this.#links = new Map([...folders].filter(([, link]) => link !== undefined))
    if (this.#links.size === 0) return
    this.#poll = setInterval(() => { void this.#check() }, POLL_MS).unref()
    for (const folder of this.#links.keys()) this.#watch(folder)
    this.#soon()
  }

  #watch (folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#soon())
      // The poll goes on when the kernel's events end.
      watcher.on('error', () => watcher.close())
      this.#watchers.push(watcher)
    } catch {
      // No events to be had: the poll alone sees the swap, some seconds later.
    }
  }

  #soon (): void {
    clearTimeout(this.#settle)
    this.#settle = setTimeout(() => { void this.#check() }, SETTLE_MS).unref()
  }

  async #check (): Promise<void> {
    let isNew = false
    for (const [folder, before] of this.#links) {
      const now = await dataLink(folder)
      // A link that is away for a moment will come back; nothing is read meanwhile.
      if (now === undefined || now === before) continue
      this.#links.set(folder, now)
      isNew = true
    }
    if (isNew) this.#changed()
  }

  close (): void {
    clearInterval(this.#poll)
    clearTimeout(this.#settle)
    for (const watcher of this.#watchers) watcher.close()
  }
}
