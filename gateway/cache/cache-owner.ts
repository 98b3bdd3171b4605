/**
 * The cached answers of the whole gateway, and the misses under way: event loops ask here for what they have no copy
 * of. The first who misses goes to the service, the others with the same request wait for what it brings, so that one
 * key costs one request however many loops and callers there are.
 *
 * Nobody waits longer than a while, and nobody for what is known not to be kept; when a miss brings nothing to keep,
 * all who waited go by themselves at once, not one after the other.
 */
import { ResponseCache, type CachedAnswer, type HeaderOf } from './response-cache.ts'
import { Forgotten, type CacheSelection } from './selection.ts'

export interface CacheQuestion {
  /** Which of the caches, and its bound. */
  readonly cache: string
  readonly maxBytes: number
  readonly key: string
  /** Of the request, by lower-case name: an answer may vary by any. */
  readonly fields: Readonly<Record<string, string>>
}

/**
 * `lead`: the answer is to be brought, under that lease. `pass`: nobody waits for what this one brings. `stale`: what
 * there was, for asking whether it still holds, and for the case that the service fails.
 */
export type CacheFinding =
  | { readonly kind: 'hit', readonly vary: readonly string[], readonly answer: CachedAnswer }
  | { readonly kind: 'lead', readonly lease: number, readonly stale?: CachedAnswer | undefined }
  | { readonly kind: 'pass', readonly stale?: CachedAnswer | undefined }

/** What an answer is kept under. */
export interface Kept extends CacheQuestion {
  readonly vary: readonly string[]
  readonly answer: CachedAnswer
  /** When the service was asked for it: what was forgotten since then is not kept again. */
  readonly askedMs: number
}

/** The owner as an event loop sees it: itself, or messages to the thread where it is. */
export interface CacheAccess {
  look (question: CacheQuestion): CacheFinding | Promise<CacheFinding>
  /** What was asked for under the lease (0: none) is there. */
  keep (kept: Kept, lease: number): void
  /** The lease's miss is over. `passes`: what it brought is not to be kept, nor what comes next. */
  release (lease: number, passes: boolean): void
  /** Some answers hold no longer. */
  forget (selection: CacheSelection): void
  /** Caches that routes still have. */
  retain (caches: readonly string[]): void
}

interface Miss {
  readonly name: string
  readonly loop: number
  readonly timer: NodeJS.Timeout
  readonly waiting: Array<(wasKept: boolean) => void>
}

/** As nginx's proxy_cache_lock_timeout. */
export const LONGEST_WAIT_MS = 5_000
const PASSES_FOR_MS = 10_000
const MOST_PASSES = 10_000
export const PASS: CacheFinding = { kind: 'pass' }

export class CacheOwner {
  readonly #now: () => number
  readonly #caches = new Map<string, ResponseCache>()
  readonly #misses = new Map<string, number>()
  readonly #leases = new Map<number, Miss>()
  /** Until when nobody waits for it. */
  readonly #passes = new Map<string, number>()
  readonly #forgotten = new Forgotten()
  #lastLease = 0

  constructor (now: () => number) {
    this.#now = now
  }

  /** For the event loop at that place. */
  access (loop: number): CacheAccess {
    return {
      look: question => this.#look(question, loop),
      keep: (kept, lease) => this.#keep(kept, lease),
      release: (lease, passes) => this.#release(lease, passes),
      forget: selection => this.#forget(selection),
      retain: caches => this.#retain(new Set(caches))
    }
  }

  /** That loop is no more: nobody need wait for what it was to bring. */
  ended (loop: number): void {
    for (const [lease, miss] of this.#leases) if (miss.loop === loop) this.#release(lease, false)
  }

  stop (): void {
    for (const lease of this.#leases.keys()) this.#release(lease, false)
  }

  #look (question: CacheQuestion, loop: number): CacheFinding | Promise<CacheFinding> {
    const { key } = question
    const nowMs = this.#now()
    const cache = this.#cacheOf(question)
    const header = headerOf(question)
    const known = cache.find(key, header, nowMs)
    if (known !== undefined && nowMs < known.expiresMs) return { kind: 'hit', vary: cache.varyOf(key), answer: known }
    const name = `${question.cache}\n${cache.nameOf(key, header)}`
    if (nowMs < (this.#passes.get(name) ?? 0)) return { kind: 'pass', stale: known }
    const lease = this.#misses.get(name)
    if (lease === undefined) return this.#lead(name, loop, known)
    if (known !== undefined && nowMs < known.updatingMs) return { kind: 'hit', vary: cache.varyOf(key), answer: known }
    return this.#wait(lease, question, loop, known)
  }

  #lead (name: string, loop: number, stale: CachedAnswer | undefined): CacheFinding {
    const lease = ++this.#lastLease
    const timer = setTimeout(() => this.#settle(lease, false), LONGEST_WAIT_MS).unref()
    this.#misses.set(name, lease)
    this.#leases.set(lease, { name, loop, timer, waiting: [] })
    return { kind: 'lead', lease, stale }
  }

  async #wait (
    lease: number, question: CacheQuestion, loop: number, stale: CachedAnswer | undefined
  ): Promise<CacheFinding> {
    const { waiting } = this.#leases.get(lease)!
    const wasKept = await new Promise<boolean>(resolve => waiting.push(resolve))
    // It may be kept for callers with other fields than this one's.
    return wasKept ? await this.#look(question, loop) : { kind: 'pass', stale }
  }

  #keep (kept: Kept, lease: number): void {
    if (this.#forgotten.isOutdated(kept.answer.target, kept.askedMs)) return this.#settle(lease, false)
    const header = headerOf(kept)
    const cache = this.#cacheOf(kept)
    cache.put(kept.key, kept.vary, header, kept.answer)
    // What has to be asked for each time spares nobody the way: who waited would only go one after the other.
    if (kept.answer.expiresMs <= this.#now()) return this.#release(lease, true)
    this.#passes.delete(`${kept.cache}\n${cache.nameOf(kept.key, header)}`)
    this.#settle(lease, true)
  }

  #forget (selection: CacheSelection): void {
    this.#forgotten.note(selection, this.#now())
    for (const cache of this.#caches.values()) cache.forget(selection)
  }

  #release (lease: number, passes: boolean): void {
    const miss = this.#leases.get(lease)
    if (passes && miss !== undefined) {
      if (this.#passes.size >= MOST_PASSES) this.#passes.clear()
      this.#passes.set(miss.name, this.#now() + PASSES_FOR_MS)
    }
    this.#settle(lease, false)
  }

  #settle (lease: number, wasKept: boolean): void {
    const miss = this.#leases.get(lease)
    if (miss === undefined) return
    clearTimeout(miss.timer)
    this.#leases.delete(lease)
    this.#misses.delete(miss.name)
    for (const goOn of miss.waiting) goOn(wasKept)
  }

  #retain (caches: ReadonlySet<string>): void {
    for (const name of this.#caches.keys()) if (!caches.has(name)) this.#caches.delete(name)
  }

  #cacheOf ({ cache: name, maxBytes }: CacheQuestion): ResponseCache {
    const cache = this.#caches.get(name) ?? new ResponseCache(maxBytes)
    this.#caches.set(name, cache)
    cache.maxBytes = maxBytes
    return cache
  }
}

export function headerOf ({ fields }: Pick<CacheQuestion, 'fields'>): HeaderOf {
  return name => Object.hasOwn(fields, name) ? fields[name]! : ''
}
