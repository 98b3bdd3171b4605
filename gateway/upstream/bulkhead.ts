/** At most so many exchanges in flight; the next one is refused with 503, not queued. */
import type { Bulkhead } from './upstream.ts'

export class CountingBulkhead implements Bulkhead {
  readonly limit: number
  active = 0
  /** Told of every refusal, for the breaker's statistics. */
  onRefused: () => void = () => {}

  constructor (limit: number) {
    this.limit = limit
  }

  enter (): boolean {
    if (this.active >= this.limit) {
      this.onRefused()
      return false
    }
    this.active++
    return true
  }

  leave (): void {
    this.active--
  }
}

/** Bulkheads by name: they outlive route tables, so a swap lets nobody in twice. */
export class Bulkheads {
  readonly #byName = new Map<string, CountingBulkhead>()

  bulkhead (name: string, limit: number): CountingBulkhead {
    let found = this.#byName.get(name)
    if (found?.limit !== limit) this.#byName.set(name, found = new CountingBulkhead(limit))
    return found
  }
}
