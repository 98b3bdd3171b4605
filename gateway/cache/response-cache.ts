import { exactly, isSelected, keyOf, type CacheSelection, type Target } from './selection.ts'

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
  /** Until then it may be given while somebody asks for it anew. */
  readonly updatingMs: number
  /** Until then it may be given when the service fails. */
  readonly failingMs: number
  /** When it is stale, the service can say whether it still holds. */
  readonly hasValidator: boolean
  readonly target: Target
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
  /** Names of answers by host and path: writes forget by these. */
  readonly #byTarget = new Map<string, Set<string>>()
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

  /** A fresh one. `header`: for the fields that the answer varies by. */
  get (key: string, header: HeaderOf, nowMs: number): CachedAnswer | undefined {
    const found = this.find(key, header, nowMs)
    return found === undefined || nowMs >= found.expiresMs ? undefined : found
  }

  /** One that may be of use, although it may be stale. */
  find (key: string, header: HeaderOf, nowMs: number): CachedAnswer | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    const name = variant(key, entry.vary, header)
    const found = this.#answers.get(name)
    if (found === undefined) return undefined
    if (!isUseful(found, nowMs)) {
      this.#drop(name)
      return undefined
    }
    this.#answers.delete(name)
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
    this.#drop(name)
    this.#answers.set(name, answer)
    this.#bytes += bytes
    this.#entries.set(key, { vary })
    this.#index(name, answer.target)
    this.#makeRoom()
  }

  /** How many there were. */
  forget (selection: CacheSelection): number {
    const key = exactly(selection)
    const names = key === undefined ? this.#answers.keys() : this.#byTarget.get(key) ?? []
    const chosen = [...names].filter(name => isSelected(selection, this.#answers.get(name)!.target))
    for (const name of chosen) this.#drop(name)
    return chosen.length
  }

  #index (name: string, target: Target): void {
    const key = keyOf(target)
    const names = this.#byTarget.get(key) ?? new Set()
    this.#byTarget.set(key, names.add(name))
  }

  #makeRoom (): void {
    for (const name of this.#answers.keys()) {
      if (this.#bytes <= this.maxBytes) break
      this.#drop(name)
    }
    // Which fields a URL varies by is remembered for more URLs than have answers, but not for ever.
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= 2 * this.#answers.size + 64) break
      this.#entries.delete(key)
    }
  }

  #drop (name: string): void {
    const answer = this.#answers.get(name)
    if (answer === undefined) return
    this.#answers.delete(name)
    this.#bytes -= size(name, answer)
    const key = keyOf(answer.target)
    const names = this.#byTarget.get(key)
    names?.delete(name)
    if (names?.size === 0) this.#byTarget.delete(key)
  }
}

function isUseful ({ expiresMs, updatingMs, failingMs, hasValidator }: CachedAnswer, nowMs: number): boolean {
  return hasValidator || nowMs < Math.max(expiresMs, updatingMs, failingMs)
}

function variant (key: string, vary: readonly string[], header: HeaderOf): string {
  return vary.length === 0 ? key : `${key}\n${vary.map(name => `${name}:${header(name)}`).join('\n')}`
}

function size (name: string, { headers, body, target }: CachedAnswer): number {
  return OVERHEAD_BYTES + name.length + target.path.length + body.length + headers.reduce((sum,
    [key, value]) => sum + key.length + value.length, 0)
}
