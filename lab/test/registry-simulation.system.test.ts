import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { t } from 'tap'
import { makePlan } from '../simulation/registry/plan.ts'

const MAIN = join(import.meta.dirname, '../simulation/registry/main.ts')
const SEEDS = Number(process.env.SIMULATION_SEEDS ?? 300)

interface Answer { readonly failed: unknown, readonly missing: unknown, readonly runs: number, readonly trace: string }

/** In a process of its own: this runner watches each promise, and a run makes hundreds of thousands. */
function simulate (...args: string[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [MAIN, '--json', ...args], { env: { PATH: process.env.PATH }, maxBuffer: 2 ** 26 },
      (_error, stdout, stderr) => {
        try {
          resolve(JSON.parse(stdout) as Answer)
        } catch {
          reject(new Error(`the simulation ended without an answer: ${stderr.slice(0, 2000)}`))
        }
      })
  })
}

// A busy machine takes its time; what is judged is the answer.
t.setTimeout(1_800_000)

t.test(`${SEEDS} seeds: registries and readers agree, and nothing that was answered is undone`, async t => {
  const { failed, missing, runs } = await simulate('--seeds', String(SEEDS))
  t.same(failed, null)
  t.same(missing, [])
  t.equal(runs, SEEDS)
})

t.test('a seed is the same run in each process, and another seed another one', async t => {
  const [first, again, other] = await Promise.all(['7', '7', '8'].map(seed => simulate('--from', seed, '--seeds', '2')))
  t.equal(first!.trace, again!.trace)
  t.not(first!.trace, other!.trace)
  t.same(makePlan(5), makePlan(5))
})
