/** What the runs have met, so that a series that meets nothing is not taken for one that finds nothing. */
import { missingOf } from '../required.ts'
import { KINDS } from './kinds.ts'

/** In so many runs each of these is met at least so often: about a third of what is usual. */
const RUNS = 300
const REQUIRED: Readonly<Record<string, number>> = {
  'client asked to register again': 100,
  'leases ran out': 100,
  'registry killed': 100,
  'network: cut off': 5000,
  'network: lost': 2000
}
const PER_KIND = 30

/** What was met too seldom, in a series that is long enough to ask. */
export function missing (counts: ReadonlyMap<string, number>, runs: number): string[] {
  return missingOf({ runs: RUNS, counts: REQUIRED, kinds: Object.keys(KINDS), perKind: PER_KIND }, counts, runs)
}
