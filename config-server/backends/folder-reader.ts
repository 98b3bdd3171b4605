/** Reads files below some roots: regular files only, bounded, and never through a link that leads out. */
import { constants } from 'node:fs'
import { open, readdir, realpath, type FileHandle } from 'node:fs/promises'
import { dirname, basename } from 'node:path'
import { MISSING, signatureOf, type FolderVersion } from './folder-version.ts'

export interface FileContent {
  /** Where it really lies, once links were followed. */
  readonly path: string
  readonly content: Buffer
  readonly signature: string
  readonly modifiedMs: number
}

const MAX_LISTINGS = 1024

export class FolderReader {
  readonly #version: FolderVersion
  readonly #roots: readonly string[]
  #listings = new Map<string, Promise<ReadonlySet<string>>>()
  #listedVersion = 0

  constructor (version: FolderVersion, roots: readonly string[]) {
    this.#version = version
    this.#roots = roots
  }

  /** Notes a root, so that it is watched, and be it only for its coming into being. */
  async exists (folder: string): Promise<boolean> {
    const signature = await signatureOf(folder)
    this.#version.note(folder, signature, true)
    return signature !== MISSING
  }

  /** Whether a folder lists a file; folders are listed once for each version, not once for each candidate. */
  async lists (path: string): Promise<boolean> {
    if (this.#listedVersion !== this.#version.version || this.#listings.size > MAX_LISTINGS) {
      this.#listings = new Map()
      this.#listedVersion = this.#version.version
    }
    const folder = `${dirname(path)}/`
    const listing = this.#listings.get(folder) ?? this.#list(folder)
    this.#listings.set(folder, listing)
    return (await listing).has(basename(path))
  }

  async #list (folder: string): Promise<ReadonlySet<string>> {
    const signature = await signatureOf(folder)
    if (signature === MISSING) return new Set()
    this.#version.note(folder, signature, true)
    try {
      return new Set(await readdir(folder))
    } catch {
      return new Set()
    }
  }

  /**
   * The content of a file; undefined when there is none, it is no regular file, or it lies outside the roots. One that
   * is larger than the limit throws what `tooLarge` makes of its size.
   */
  async read (path: string, maxBytes: number, tooLarge: (bytes: bigint) => Error): Promise<FileContent | undefined> {
    const real = isHidden(path) ? undefined : await this.#realPath(path)
    const handle = real === undefined ? undefined : await openFile(real)
    if (real === undefined || handle === undefined) return undefined
    try {
      const { ino, size, mtimeNs, mtimeMs, isFile } = await statOf(handle)
      if (!isFile) return undefined
      if (size > BigInt(maxBytes)) throw tooLarge(size)
      const signature = `${ino} ${size} ${mtimeNs}`
      this.#version.note(path, signature, false)
      return { path: real, content: await handle.readFile(), signature, modifiedMs: Number(mtimeMs) }
    } finally {
      await handle.close()
    }
  }

  // The real path is the one that is opened: a link that is turned elsewhere meanwhile leads nowhere.
  async #realPath (path: string): Promise<string | undefined> {
    try {
      const real = await realpath(path)
      const roots = await Promise.all(this.#roots.map(async root => realpath(root).catch(() => undefined)))
      const isInside = roots.some(root => root !== undefined && real.startsWith(root === '/' ? root : `${root}/`))
      return isInside && !isHidden(real) ? real : undefined
    } catch {
      return undefined
    }
  }
}

async function statOf (handle: FileHandle) {
  const stats = await handle.stat({ bigint: true })
  return { ino: stats.ino, size: stats.size, mtimeNs: stats.mtimeNs, mtimeMs: stats.mtimeMs, isFile: stats.isFile() }
}

// Without O_NONBLOCK, opening a pipe that nobody writes to would hold a thread of the pool for ever.
async function openFile (path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch {
    return undefined
  }
}

/** The innards of a repository are no configuration, whoever asks and however it is spelled. */
export function isHidden (path: string): boolean {
  return /(?:^|\/)\.git(?:\/|$)/i.test(path)
}
