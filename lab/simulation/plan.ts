/** What a run does, as data: made from a seed, and made smaller when it has found something. */
import { createRandom } from '@breakwater/messaging/testing'
import { ACTIONS } from './actions.ts'
import { FAULTS } from './faults/faults.ts'
import { pickBy, type Step } from './step.ts'

export interface Plan {
  readonly seed: number
  readonly steps: readonly Step[]
}

/** Steps are begun within this time. */
export const BUSY_MS = 45_000
/** They come close together: what does not meet does not harm. */
const MAX_MOMENTS = 4
const MOMENT_MS = 3000

const MIN_ORDERS = 3
const MORE_ORDERS = 5
const MORE_ACTIONS = 8
const MIN_FAULTS = 3
const MORE_FAULTS = 6

export function makePlan (seed: number): Plan {
  const random = createRandom(seed).fork('plan')
  const moments = times(1 + random.below(MAX_MOMENTS), () => random.below(BUSY_MS - MOMENT_MS))
  const step = (what: string): Step => {
    const kind = ACTIONS[what] ?? FAULTS[what]!
    return { atMs: random.pick(moments) + random.below(MOMENT_MS), what, args: kind.plan(random) }
  }
  const orders = MIN_ORDERS + random.below(MORE_ORDERS)
  const actions = random.below(MORE_ACTIONS)
  const faults = MIN_FAULTS + random.below(MORE_FAULTS)
  const steps = [
    ...times(orders, () => step('order')),
    ...times(actions, () => step(pickBy(random, ACTIONS))),
    ...times(faults, () => step(pickBy(random, FAULTS)))
  ]
  return { seed, steps: steps.toSorted((a, b) => a.atMs - b.atMs) }
}

function times<Item> (n: number, make: () => Item): Item[] {
  return Array.from({ length: n }, make)
}
