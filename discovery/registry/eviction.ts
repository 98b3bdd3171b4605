import { isExpired, type Lease } from './lease.ts'
import type { BookRules } from './rules.ts'
import type { Preservation } from './self-preservation.ts'

/** Which leases are over, and how many of them may go now. */
export class Evictions {
  count = 0
  readonly #rules: BookRules
  #evictedAt: number[] = []
  #sweptAt: number | undefined
  #preserving = true

  constructor (rules: BookRules) {
    this.#rules = rules
  }

  /** Whether a lease has run out, unless nothing may run out now. */
  isOver (lease: Lease): boolean {
    return !this.#preserving && isExpired(lease, this.#rules.now(), 0, this.#rules.leaseBugCompatible)
  }

  /** Those that go now. */
  pick (leases: Iterable<Lease>, preservation: Preservation): Lease[] {
    const now = this.#rules.now()
    // Time in which this process stood still (a suspended machine) is no time in which clients failed to renew.
    const stoodStillMs = this.#sweptAt === undefined ? 0 : Math.max(0, now - this.#sweptAt - this.#rules.sweepMs)
    this.#sweptAt = now
    this.#preserving = preservation.active
    if (preservation.active) return []
    const expired = [...leases].filter(lease => isExpired(lease, now, stoodStillMs, this.#rules.leaseBugCompatible))
    const picked = pickExpired(expired, this.#budget(now, preservation), this.#rules.random)
    this.count += picked.length
    this.#evictedAt.push(...picked.map(() => now))
    return picked
  }

  /**
   * At most 15 % of the registry (the rest of the renewal threshold) leaves within a minute, whatever the sweep's
   * interval; a registry below the floor has no such cap, or its second dead instance would stay a minute longer.
   */
  #budget (now: number, { reason, instances }: Preservation): number {
    if (reason === 'small' || reason === 'off') return Infinity
    this.#evictedAt = this.#evictedAt.filter(at => at > now - 60_000)
    const before = instances + this.#evictedAt.length
    return before - Math.floor(before * this.#rules.preservation.threshold) - this.#evictedAt.length
  }
}

/**
 * Which of the expired leases go when only `budget` of them may: a random choice, so that the cap never spares or
 * empties one application because of where it stands in the list (Eureka's Knuth shuffle, `evict`).
 */
export function pickExpired (expired: Lease[], budget: number, random: () => number): Lease[] {
  const count = Math.max(0, Math.min(expired.length, budget))
  if (count === expired.length) return expired
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(random() * (expired.length - i))
    const picked = expired[j]!
    expired[j] = expired[i]!
    expired[i] = picked
  }
  return expired.slice(0, count)
}
