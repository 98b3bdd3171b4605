import type { Lease } from './lease.ts'

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
