/** Answers kept in memory, bounded in bytes: the least recently used go first. */
export interface CachedAnswer {
  readonly status: number
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  /** In shared memory: event loops hand it on without copying it. */
  readonly body: Uint8Array
  readonly storedMs: number
  readonly expiresMs: number
  /** Until then clients may think it fresh. */
  readonly toldMs: number
}

interface Entry {
  /** What the answer depends on (Vary), lower-case; part of every variant's key. */
  readonly vary: readonly string[]
}

/** What one entry costs beyond its texts. */
const OVERHEAD_BYTES = 512

/** Reads a field of the request, by its lower-case name. */
export type HeaderOf = (name: string) => string

export class ResponseCache {
  /** In order of use: Map keeps it. */
  readonly #answers = new Map<string, CachedAnswer>()
  readonly #entries = new Map<string, Entry>()
  #bytes = 0
  maxBytes: number

  constructor (maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get bytes (): number {
    return this.#bytes
  }

  get size (): number {
    return this.#answers.size
  }

  /** `header`: for the fields that the answer varies by. */
  get (key: string, header: HeaderOf, nowMs: number): CachedAnswer | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    const name = variant(key, entry.vary, header)
    const found = this.#answers.get(name)
    if (found === undefined) return undefined
    this.#answers.delete(name)
    if (nowMs >= found.expiresMs) {
      this.#bytes -= size(name, found)
      return undefined
    }
    this.#answers.set(name, found)
    return found
  }

  /** Fields by which answers for the key vary, as far as is known. */
  varyOf (key: string): readonly string[] {
    return this.#entries.get(key)?.vary ?? []
  }

  /** Of the answer that this request gets. */
  nameOf (key: string, header: HeaderOf): string {
    return variant(key, this.varyOf(key), header)
  }

  put (key: string, vary: readonly string[], header: HeaderOf, answer: CachedAnswer): void {
    const name = variant(key, vary, header)
    const bytes = size(name, answer)
    if (bytes > this.maxBytes) return
    const old = this.#answers.get(name)
    if (old !== undefined) this.#drop(name, old)
    this.#answers.set(name, answer)
    this.#bytes += bytes
    this.#entries.set(key, { vary })
    this.#makeRoom()
  }

  #makeRoom (): void {
    for (const [name, answer] of this.#answers) {
      if (this.#bytes <= this.maxBytes) break
      this.#drop(name, answer)
    }
    // Which fields a URL varies by is remembered for more URLs than have answers, but not for ever.
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= 2 * this.#answers.size + 64) break
      this.#entries.delete(key)
    }
  }

  #drop (name: string, answer: CachedAnswer): void {
    this.#answers.delete(name)
    this.#bytes -= size(name, answer)
  }
}

function variant (key: string, vary: readonly string[], header: HeaderOf): string {
  return vary.length === 0 ? key : `${key}\n${vary.map(name => `${name}:${header(name)}`).join('\n')}`
}

function size (name: string, { headers, body }: CachedAnswer): number {
  return OVERHEAD_BYTES + name.length + body.length + headers.reduce((sum,
    [key, value]) => sum + key.length + value.length, 0)
}
