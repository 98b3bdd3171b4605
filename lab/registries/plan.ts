/** What a run does to its registries, one after the other, made from a seed. */
import { createRandom } from '@breakwater/messaging/testing'

export type HarmKind =
  /** It stands still (SIGSTOP) while the others go on. */
  | 'still'
  /** It stands still, and meanwhile another one ends without a word. */
  | 'still-and-kill'
  /** It ends without a word (SIGKILL) and comes back with the snapshot it has. */
  | 'kill'
  /** It ends without a word and comes back with nothing. */
  | 'forget'
  /** All end in order, one after the other, and come back. */
  | 'rolling'

export interface Harm {
  readonly kind: HarmKind
  /** Which registry. */
  readonly at: number
  /** How long it is away, where nothing else decides that. */
  readonly awayMs: number
  /** Before the next harm. */
  readonly pauseMs: number
}

export interface Plan {
  readonly seed: number
  readonly harms: readonly Harm[]
}

export const REGISTRIES = 3
const MAX_AWAY_MS = 8000
const MIN_PAUSE_MS = 1000
const MORE_PAUSE_MS = 5000

export function makePlan (seed: number): Plan {
  const random = createRandom(seed).fork('harms')
  const kinds: HarmKind[] = [random.pick(['still', 'still-and-kill']), 'kill', 'forget', 'rolling']
  const inOrder = kinds.map(kind => ({ kind, order: random.next() })).toSorted((a, b) => a.order - b.order)
  const harms = inOrder.map(({ kind }) => ({
    kind, at: random.below(REGISTRIES), awayMs: random.below(MAX_AWAY_MS),
    pauseMs: MIN_PAUSE_MS + random.below(MORE_PAUSE_MS)
  }))
  return { seed, harms }
}
