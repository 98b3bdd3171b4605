/**
 * Answers kept in this worker's memory, bounded in bytes: the least recently used go first. One per worker, shared by
 * all routes, so that the bound is one number; it outlives route tables.
 */
export interface CachedAnswer {
  readonly status: number
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: Buffer
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

  /** `header` reads the request's, for the fields that the answer varies by. */
  get (key: string, header: (name: string) => string, nowMs: number): CachedAnswer | undefined {
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

  put (key: string, vary: readonly string[], header: (name: string) => string, answer: CachedAnswer): void {
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

function variant (key: string, vary: readonly string[], header: (name: string) => string): string {
  return vary.length === 0 ? key : `${key}\n${vary.map(name => `${name}:${header(name)}`).join('\n')}`
}

function size (name: string, { headers, body }: CachedAnswer): number {
  return OVERHEAD_BYTES + name.length + body.length + headers.reduce((sum,
    [key, value]) => sum + key.length + value.length, 0)
}
