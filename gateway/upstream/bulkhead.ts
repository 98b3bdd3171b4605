/** At most so many exchanges in flight; the next one is refused with 503, not queued. */
import { AdaptiveLimit, type AdaptiveLimitOptions } from './adaptive-limit.ts'
import type { Bulkhead } from './upstream.ts'

export class CountingBulkhead implements Bulkhead {
  readonly kind = 'fixed'
  readonly limit: number
  active = 0
  refused = 0
  /** Told of every refusal, for the breaker's statistics. */
  onRefused: () => void = () => {}

  constructor (limit: number) {
    this.limit = limit
  }

  enter (): boolean {
    if (this.active >= this.limit) {
      this.refused++
      this.onRefused()
      return false
    }
    this.active++
    return true
  }

  leave (): void {
    this.active--
  }

  /** A fixed limit learns nothing. */
  observe (): void {}
}

export type AnyBulkhead = CountingBulkhead | AdaptiveLimit

/** Bulkheads by name: they outlive route tables, so a swap lets nobody in twice and forgets nothing that was learnt. */
export class Bulkheads {
  readonly #byName = new Map<string, AnyBulkhead>()

  fixed (name: string, limit: number): CountingBulkhead {
    const known = this.#byName.get(name)
    if (known instanceof CountingBulkhead && known.limit === limit) return known
    const made = new CountingBulkhead(limit)
    this.#byName.set(name, made)
    return made
  }

  adaptive (name: string, options: AdaptiveLimitOptions): AdaptiveLimit {
    const known = this.#byName.get(name)
    if (known instanceof AdaptiveLimit) {
      known.options = options
      return known
    }
    const made = new AdaptiveLimit(options)
    this.#byName.set(name, made)
    return made
  }

  get (name: string): AnyBulkhead | undefined {
    return this.#byName.get(name)
  }

  get all (): Iterable<readonly [name: string, bulkhead: AnyBulkhead]> {
    return this.#byName
  }

  /** Forgets those that no route of the new table has. */
  retain (used: ReadonlySet<unknown>): void {
    for (const [name, bulkhead] of this.#byName) if (!used.has(bulkhead)) this.#byName.delete(name)
  }
}
