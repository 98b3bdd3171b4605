/** Reads files below some roots: regular files only, bounded, and never through a link that leads out. */
import { constants } from 'node:fs'
import { open, readdir, realpath, type FileHandle } from 'node:fs/promises'
import { dirname, basename } from 'node:path'
import { error } from '../errors.ts'
import { MISSING, signatureOf, type FolderVersion } from './folder-version.ts'

export interface FileContent {
  readonly content: Buffer
  readonly signature: string
  readonly modifiedMs: number
}

const MAX_LISTINGS = 1024

export class FolderReader {
  readonly #version: FolderVersion
  readonly #roots: readonly string[]
  readonly #maxFileBytes: number
  #listings = new Map<string, Promise<ReadonlySet<string>>>()
  #listedVersion = 0

  constructor (version: FolderVersion, roots: readonly string[], maxFileBytes: number) {
    this.#version = version
    this.#roots = roots
    this.#maxFileBytes = maxFileBytes
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

  /** The content of a file; undefined when there is none, it is no regular file, or it lies outside the roots. */
  async read (path: string): Promise<FileContent | undefined> {
    if (isHidden(path) || !await this.#isInside(path)) return undefined
    const handle = await openFile(path)
    if (handle === undefined) return undefined
    try {
      return await this.#readHandle(handle, path)
    } finally {
      await handle.close()
    }
  }

  async #readHandle (handle: FileHandle, path: string): Promise<FileContent | undefined> {
    const { ino, size, mtimeNs, mtimeMs, isFile } = await statOf(handle)
    if (!isFile) return undefined
    if (size > BigInt(this.#maxFileBytes)) {
      throw error('E_CONFIG_FILE_LIMIT', [`${size} bytes`, this.#maxFileBytes, 'max-file-bytes'], { where: path })
    }
    const signature = `${ino} ${size} ${mtimeNs}`
    this.#version.note(path, signature, false)
    return { content: await handle.readFile(), signature, modifiedMs: Number(mtimeMs) }
  }

  async #isInside (path: string): Promise<boolean> {
    try {
      const real = await realpath(path)
      const roots = await Promise.all(this.#roots.map(async root => realpath(root).catch(() => undefined)))
      return roots.some(root => root !== undefined && real.startsWith(root === '/' ? root : `${root}/`))
    } catch {
      return false
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
