/** "Did you mean": the known name that is the fewest edits away from what was written. */
import { editDistance } from '@breakwater/starter/settings'

/** ` Did you mean "Path"?` or an empty string when nothing is near. */
export function didYouMean (written: string, known: Iterable<string>): string {
  const limit = Math.max(2, Math.floor(written.length / 3))
  let best = ''
  let bestDistance = limit + 1
  for (const name of known) {
    const distance = editDistance(written.toLowerCase(), name.toLowerCase())
    if (distance < bestDistance) [best, bestDistance] = [name, distance]
  }
  return best === '' ? '' : ` Did you mean "${best}"?`
}
