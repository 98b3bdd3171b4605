/** Whether a series has met what there is to meet: one that meets nothing is not taken for one that finds nothing. */

export interface Required {
  /** Runs of a series that is long enough to ask. */
  readonly runs: number
  /** How often each of these is met in so many runs: about a third of what is usual. */
  readonly counts: Readonly<Record<string, number>>
  /** The kinds of steps, and how often each of them. */
  readonly kinds: readonly string[]
  readonly perKind: number
}

/** What was met too seldom. */
export function missingOf (required: Required, counts: ReadonlyMap<string, number>, runs: number): string[] {
  if (runs < required.runs) return []
  const kinds = required.kinds.map(name => [`step: ${name}`, required.perKind] as const)
  return [...Object.entries(required.counts), ...kinds].filter(([name, n]) => (counts.get(name) ?? 0) < n)
    .map(([name, n]) => `COVERAGE "${name}" was met ${counts.get(name) ?? 0} times, ${n} are wanted`)
}
