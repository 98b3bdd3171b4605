import { t } from 'tap'
import { makePlan } from '../simulation/registry/plan.ts'
import { simulate } from './simulate.ts'

const MAIN = 'registry/main.ts'
const SEEDS = Number(process.env.SIMULATION_SEEDS ?? 300)

// A busy machine takes its time; what is judged is the answer.
t.setTimeout(1_800_000)

t.test(`${SEEDS} seeds: registries and readers agree, and nothing that was answered is undone`, async t => {
  const { failed, missing, runs } = await simulate(MAIN, '--seeds', String(SEEDS))
  t.same(failed, null)
  t.same(missing, [])
  t.equal(runs, SEEDS)
})

t.test('a seed is the same run in each process, and another seed another one', async t => {
  const [first, again, other] = await Promise.all(['7', '7', '8'].map(seed => simulate(MAIN, '--from', seed, '--seeds', '2')))
  t.equal(first!.trace, again!.trace)
  t.not(first!.trace, other!.trace)
  t.same(makePlan(5), makePlan(5))
})
