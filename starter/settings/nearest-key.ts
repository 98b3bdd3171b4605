import { editDistance } from './edit-distance.ts'
import { canonicalName } from './relaxed.ts'

/** The candidate that differs least, when it is near enough to be what was meant. */
export function nearestKey (
  key: string, candidates: readonly string[]
): { readonly key: string, readonly distance: number } | undefined {
  const name = canonicalName(key)
  const limit = Math.max(2, Math.floor(name.length / 4))
  const all = candidates.map(candidate => ({ key: candidate, distance: editDistance(name, canonicalName(candidate)) }))
  const [best] = all.toSorted((a, b) => a.distance - b.distance)
  return best === undefined || best.distance > limit ? undefined : best
}
