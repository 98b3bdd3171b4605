/** At most so many exchanges of a route in flight; the next one is refused with 503, not queued. */
import type { Bulkhead } from './upstream.ts'

export class CountingBulkhead implements Bulkhead {
  readonly limit: number
  active = 0
  rejected = 0

  constructor (limit: number) {
    this.limit = limit
  }

  enter (): boolean {
    if (this.active >= this.limit) {
      this.rejected++
      return false
    }
    this.active++
    return true
  }

  leave (): void {
    this.active--
  }
}
