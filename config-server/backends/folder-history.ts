/**
 * What the files of a folder were before, as far as this process has seen: a folder keeps no history of its own. Only
 * versions that can be parsed are kept, so a file that somebody repairs in a hundred steps pushes out nothing.
 */
import { ByteCache } from '../byte-cache.ts'
import type { FileContent } from './folder-reader.ts'

interface Version {
  /** Moments are counted, not timed: clocks of file servers differ. */
  readonly since: number
  readonly file: FileContent | undefined
}

const MAX_VERSIONS = 20
const MAX_BYTES = 16 * 1_048_576
const VERSION_BYTES = 256

export class FolderHistory {
  readonly #isGood: (path: string, file: FileContent) => Promise<boolean>
  readonly #versions = new ByteCache<readonly Version[]>(MAX_BYTES)
  #moment = 0

  /** `isGood` tells whether a file can be parsed. */
  constructor (isGood: (path: string, file: FileContent) => Promise<boolean>) {
    this.#isGood = isGood
  }

  /** Remembers a file as it is now, undefined for one that is gone. */
  async note (path: string, file: FileContent | undefined): Promise<void> {
    if (this.knows(path, file?.signature)) return
    if (file !== undefined && !await this.#isGood(path, file)) return
    // Somebody else may have noted it meanwhile.
    if (this.knows(path, file?.signature)) return
    const before = this.#versions.get(path) ?? []
    if (before.length === 0 && file === undefined) return
    // What is first seen late may have been there before: it belongs to every moment, and can hide nothing.
    const since = before.length === 0 ? 0 : ++this.#moment
    const versions = [...before, { since, file }].slice(-MAX_VERSIONS)
    const bytes = versions.reduce((sum, one) => sum + VERSION_BYTES + (one.file?.content.length ?? 0), path.length)
    this.#versions.set(path, versions, bytes)
  }

  /** Whether a file is known as it is now. */
  knows (path: string, signature: string | undefined): boolean {
    const last = this.#versions.get(path)?.at(-1)
    return last !== undefined && last.file?.signature === signature
  }

  /** A file as it was before a moment; `isKnown` is false when nothing is remembered of it. */
  before (path: string, moment: number): { isKnown: boolean, file: FileContent | undefined } {
    const versions = this.#versions.get(path)
    const version = versions?.findLast(({ since }) => since < moment) ?? versions?.[0]
    return { isKnown: version !== undefined, file: version?.file }
  }

  /** The last version of a file that could be parsed. */
  lastGood (path: string): FileContent | undefined {
    return this.#versions.get(path)?.findLast(({ file }) => file !== undefined)?.file
  }

  /** When one of the files changed, the last moment first. */
  moments (paths: Iterable<string>): number[] {
    const all = [...paths].flatMap(path => this.#versions.get(path)?.map(({ since }) => since) ?? [])
    return [...new Set(all)].filter(since => since > 0).toSorted((a, b) => b - a)
  }
}
