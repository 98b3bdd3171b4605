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
  readonly #fixed = new Map<string, CountingBulkhead>()
  readonly #adaptive = new Map<string, AdaptiveLimit>()

  fixed (name: string, limit: number): CountingBulkhead {
    const known = this.#fixed.get(name)
    if (known?.limit === limit) return known
    const made = new CountingBulkhead(limit)
    this.#fixed.set(name, made)
    return made
  }

  adaptive (name: string, options: AdaptiveLimitOptions): AdaptiveLimit {
    const found = this.#adaptive.get(name) ?? new AdaptiveLimit(options)
    found.options = options
    this.#adaptive.set(name, found)
    return found
  }

  /** What stands in front of the breaker of that name. */
  get (name: string): AnyBulkhead | undefined {
    return this.#adaptive.get(name) ?? this.#fixed.get(name)
  }

  get all (): ReadonlyArray<readonly [name: string, bulkhead: AnyBulkhead]> {
    return [...this.#fixed, ...this.#adaptive]
  }

  /** Forgets those that no route of the new table has. */
  retain (used: ReadonlySet<unknown>): void {
    for (const [name, one] of this.#fixed) if (!used.has(one)) this.#fixed.delete(name)
    for (const [name, one] of this.#adaptive) if (!used.has(one)) this.#adaptive.delete(name)
  }
}
