/**
 * The cache as one event loop has it: copies of what it was asked for lately, so that a hit costs no message, and the
 * owner of all behind them. Copies share the bytes of their bodies with the owner's.
 */
import { headerOf, type CacheAccess, type CacheFinding, type CacheQuestion, type Kept } from './cache-owner.ts'
import { ResponseCache, type HeaderOf } from './response-cache.ts'
import { Forgotten, type CacheSelection } from './selection.ts'

/** What a route asks its cache: `fields` only where the owner has to be asked. */
export interface LoopQuestion {
  readonly cache: string
  readonly maxBytes: number
  readonly key: string
  readonly header: HeaderOf
  readonly fields: () => Readonly<Record<string, string>>
}

export class LoopCache {
  readonly #access: CacheAccess
  readonly #now: () => number
  /** Each loop's copies may be so much of the whole. */
  readonly #loops: number
  readonly #copies = new Map<string, ResponseCache>()
  readonly #used = new Set<string>()
  readonly #forgotten = new Forgotten()

  constructor (access: CacheAccess, now: () => number, loops: number) {
    this.#access = access
    this.#now = now
    this.#loops = loops
  }

  /** A route has it; told at every compilation. */
  use (cache: string): void {
    this.#used.add(cache)
  }

  /** A table is compiled: caches that it does not name go. */
  retainUsed (): void {
    for (const name of this.#copies.keys()) if (!this.#used.has(name)) this.#copies.delete(name)
    this.#access.retain([...this.#used])
    this.#used.clear()
  }

  find (question: LoopQuestion): CacheFinding | Promise<CacheFinding> {
    const { cache, maxBytes, key, header } = question
    const copies = this.#copiesOf(cache, maxBytes)
    const answer = copies.get(key, header, this.#now())
    if (answer !== undefined) return { kind: 'hit', vary: copies.varyOf(key), answer }
    // Read now: when the owner answers, the exchange that they are read from may be another's.
    const asked = { cache, maxBytes, key, fields: question.fields() }
    const askedMs = this.#now()
    const found = this.#access.look(asked)
    const copied = (one: CacheFinding) => this.#copied(asked, one, askedMs)
    return found instanceof Promise ? found.then(copied) : copied(found)
  }

  keep (kept: Kept, lease: number): void {
    const { cache, maxBytes, key, vary, answer, askedMs } = kept
    // The copy there may be of an older answer.
    const isOutdated = this.#forgotten.isOutdated(answer.target, askedMs)
    if (!isOutdated) this.#copiesOf(cache, maxBytes).put(key, vary, headerOf(kept), answer)
    this.#access.keep(kept, lease)
  }

  release (lease: number, passes: boolean): void {
    this.#access.release(lease, passes)
  }

  /** Here and at the owner; the other loops are to be told. */
  forget (selection: CacheSelection): void {
    this.forgetCopies(selection)
    this.#access.forget(selection)
  }

  forgetCopies (selection: CacheSelection): void {
    this.#forgotten.note(selection, this.#now())
    for (const copies of this.#copies.values()) copies.forget(selection)
  }

  #copied (asked: CacheQuestion, found: CacheFinding, askedMs: number): CacheFinding {
    if (found.kind !== 'hit') return found
    const { cache, maxBytes, key } = asked
    const { answer, vary } = found
    const isStale = this.#now() >= answer.expiresMs || this.#forgotten.isOutdated(answer.target, askedMs)
    if (!isStale) this.#copiesOf(cache, maxBytes).put(key, vary, headerOf(asked), answer)
    return found
  }

  #copiesOf (cache: string, maxBytes: number): ResponseCache {
    const copies = this.#copies.get(cache) ?? new ResponseCache(0)
    this.#copies.set(cache, copies)
    copies.maxBytes = maxBytes / this.#loops
    return copies
  }
}
