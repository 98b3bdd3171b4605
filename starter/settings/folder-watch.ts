import { lstat, readlink } from 'node:fs/promises'
import { watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { join } from 'node:path'

/** Kubernetes swaps this link when a mounted ConfigMap or Secret changed: all files change at once. */
const DATA_LINK = '..data'
/** Where the kernel gives no events (too many watches, some network file systems) the link is looked at instead. */
const POLL_MS = 10_000
/** A swap is several events; one reading after the last of them is enough. */
const SETTLE_MS = 100

/** The folders that Kubernetes mounted. Others are not watched: an editor's half-saved file is no change. */
export async function mountedFolders (folders: Iterable<string>): Promise<string[]> {
  const all = [...folders]
  const mounted = await Promise.all(all.map(folder => lstat(join(folder, DATA_LINK)).then(() => true, () => false)))
  return all.filter((_folder, index) => mounted[index])
}

/** Calls back after the content of mounted folders was swapped, until closed. Never keeps the process alive. */
export class FolderWatch {
  readonly #changed: () => void
  readonly #watchers: FSWatcher[] = []
  readonly #folders: readonly string[]
  readonly #poll: NodeJS.Timeout
  #settle: NodeJS.Timeout | undefined
  #links: string

  constructor (folders: readonly string[], links: string, changed: () => void) {
    this.#folders = folders
    this.#changed = changed
    this.#links = links
    this.#poll = setInterval(() => { void this.#check() }, POLL_MS).unref()
    for (const folder of folders) this.#watch(folder)
  }

  /** The present targets of the folders' links, to hand to the constructor. */
  static async links (folders: readonly string[]): Promise<string> {
    const targets = await Promise.all(folders.map(folder => readlink(join(folder, DATA_LINK)).catch(() => '')))
    return targets.join('\n')
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
    const links = await FolderWatch.links(this.#folders)
    if (links === this.#links) return
    this.#links = links
    this.#changed()
  }

  close (): void {
    clearInterval(this.#poll)
    clearTimeout(this.#settle)
    for (const watcher of this.#watchers) watcher.close()
  }
}
