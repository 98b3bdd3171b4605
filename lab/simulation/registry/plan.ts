/** What a run does, as data: made from a seed, and made smaller when it has found something. */
import { createRandom } from '@breakwater/messaging/testing'
import { pickBy, type Step } from '../step.ts'
import { KINDS } from './kinds.ts'

export interface Plan {
  readonly seed: number
  /** How far the clocks of two registries are apart at most. */
  readonly skewMs: number
  readonly steps: readonly Step[]
}

/** Steps are begun within this time. */
export const BUSY_MS = 20_000
const MIN_STEPS = 8
const MORE_STEPS = 22
/** They come close together: what does not meet does not harm. */
const MAX_MOMENTS = 4
const MOMENT_MS = 2500
const SKEWS = [0, 0, 50, 1500]

export function makePlan (seed: number): Plan {
  const random = createRandom(seed).fork('plan')
  const moments = Array.from({ length: 1 + random.below(MAX_MOMENTS) }, () => random.below(BUSY_MS - MOMENT_MS))
  const steps = Array.from({ length: MIN_STEPS + random.below(MORE_STEPS) }, (): Step => {
    const what = pickBy(random, KINDS)
    return { atMs: random.pick(moments) + random.below(MOMENT_MS), what, args: KINDS[what]!.plan(random) }
  })
  return { seed, skewMs: random.pick(SKEWS), steps: steps.toSorted((a, b) => a.atMs - b.atMs) }
}
