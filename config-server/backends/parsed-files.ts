/** Files parsed once for each content: the same blob or unchanged file is never parsed again while it is kept. */
import { BreakwaterError } from '@breakwater/starter/errors'
import type { ConfigDocument } from '@breakwater/starter/settings'
import { ByteCache } from '../byte-cache.ts'
import { parseConfigFile, type FileLimits } from '../environment/parse-file.ts'

/** The documents of a file, none when something is wrong with it. */
export interface ParsedFile {
  readonly documents: readonly ConfigDocument[]
  readonly problem?: BreakwaterError | undefined
}

// A property costs several objects; measured around six bytes of heap for each byte of its file.
const HEAP_PER_BYTE = 6
const PROBLEM_BYTES = 1_024

export class ParsedFiles {
  readonly #cache: ByteCache<ParsedFile>
  readonly #limits: FileLimits

  constructor (maxBytes: number, limits: FileLimits) {
    this.#cache = new ByteCache(maxBytes)
    this.#limits = limits
  }

  /**
   * `identity` names the content (a blob id, or path with size and time), `file` is what origins and errors show; the
   * content is only asked for when it is not known yet. What is wrong with the file is kept too: a search for a good
   * state passes the same broken ones again and again.
   */
  async parse (identity: string, file: string, content: () => Promise<Buffer>): Promise<ParsedFile> {
    const key = `${identity} ${file}`
    const known = this.#cache.get(key)
    if (known !== undefined) return known
    try {
      const bytes = await content()
      const parsed = { documents: parseConfigFile(file, bytes, this.#limits) }
      this.#cache.set(key, parsed, bytes.length * HEAP_PER_BYTE + 512)
      return parsed
    } catch (failure) {
      const problem = asProblem(failure)
      this.#cache.set(key, problem, PROBLEM_BYTES)
      return problem
    }
  }
}

/** A file whose content is at fault; throws whatever is no fault of a file. */
export function asProblem (failure: unknown): ParsedFile {
  if (failure instanceof BreakwaterError && failure.statusCode === 500) return { documents: [], problem: failure }
  throw failure
}
