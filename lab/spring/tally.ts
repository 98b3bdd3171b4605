/** Counts differences by class, and keeps those that are of none. */

/** One class of differences: meant, or a fault that waits to be mended. */
export interface Listed<D> {
  readonly name: string
  /** Why ours is right; for a fault, its smallest input with both answers. */
  readonly reason: string
  readonly is: (difference: D) => boolean
}

export interface Tally<D> {
  readonly counts: ReadonlyMap<Listed<D>, number>
  readonly unlisted: readonly D[]
}

export function tally<D> (found: readonly D[], listed: readonly Listed<D>[]): Tally<D> {
  const counts = new Map(listed.map(entry => [entry, 0]))
  const unlisted: D[] = []
  for (const difference of found) {
    const entry = listed.find(({ is }) => is(difference))
    if (entry === undefined) unlisted.push(difference)
    else counts.set(entry, counts.get(entry)! + 1)
  }
  return { counts, unlisted }
}
