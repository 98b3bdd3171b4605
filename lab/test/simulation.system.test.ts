import { t } from 'tap'
import { makePlan, type Plan } from '../simulation/plan.ts'
import { shrink } from '../simulation/shrink.ts'
import { simulate } from './simulate.ts'

const MAIN = 'main.ts'
const SEEDS = Number(process.env.SIMULATION_SEEDS ?? 500)

// A busy machine takes its time; what is judged is the answer.
t.setTimeout(1_800_000)

t.test(`${SEEDS} seeds find nothing, and meet all there is to meet`, async t => {
  const { failed, missing, runs } = await simulate(MAIN, '--seeds', String(SEEDS))
  t.same(failed, null)
  t.same(missing, [])
  t.equal(runs, SEEDS)
})

t.test('a seed is the same run in each process, and another seed another one', async t => {
  const [first, again, other] = await Promise.all(['7', '7', '8'].map(seed => simulate(MAIN, '--from', seed, '--seeds', '3')))
  t.equal(first!.trace, again!.trace)
  t.not(first!.trace, other!.trace)
})

t.test('a plan is made smaller as long as it finds the same', async t => {
  const steps = Array.from({ length: 13 }, (_, n) => ({ atMs: n, what: 'read', args: { n } }))
  const has = (plan: Plan, n: number) => plan.steps.some(step => step.args.n === n)
  const { steps: left } = await shrink({ seed: 1, steps }, async plan => has(plan, 3) && has(plan, 11))
  t.same(left.map(({ args }) => args.n), [3, 11])
  t.same(makePlan(5), makePlan(5))
})
