/** Files parsed once for each content: the same blob or unchanged file is never parsed again while it is kept. */
import type { ConfigDocument } from '@breakwater/starter/settings'
import { ByteCache } from '../byte-cache.ts'
import { parseConfigFile, type FileLimits } from '../environment/parse-file.ts'

// A property costs several objects; measured around six bytes of heap for each byte of its file.
const HEAP_PER_BYTE = 6

export class ParsedFiles {
  readonly #cache: ByteCache<readonly ConfigDocument[]>
  readonly #limits: FileLimits

  constructor (maxBytes: number, limits: FileLimits) {
    this.#cache = new ByteCache(maxBytes)
    this.#limits = limits
  }

  /** `identity` names the content (a blob id, or path with size and time), `file` is what origins and errors show. */
  parse (identity: string, file: string, content: Buffer): readonly ConfigDocument[] {
    const known = this.get(identity, file)
    if (known !== undefined) return known
    const documents = parseConfigFile(file, content, this.#limits)
    this.#cache.set(`${identity} ${file}`, documents, content.length * HEAP_PER_BYTE + 512)
    return documents
  }

  get (identity: string, file: string): readonly ConfigDocument[] | undefined {
    return this.#cache.get(`${identity} ${file}`)
  }
}
