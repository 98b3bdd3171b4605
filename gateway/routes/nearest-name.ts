/** "Did you mean": the known name that is the fewest edits away from what was written. */

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

function editDistance (a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
