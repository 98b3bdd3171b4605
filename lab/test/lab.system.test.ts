import { join } from 'node:path'
import { t } from 'tap'
import { runLab } from '../lab.ts'

/** A fixed seed: a red run must be the code's doing. `LAB_SEED` tries another, `LAB_SECONDS` a longer run. */
const seed = Number(process.env.LAB_SEED ?? 20261125)
const seconds = Number(process.env.LAB_SECONDS ?? 30)

t.test(`nothing accepted is lost or done twice under seeded faults (seed ${seed}, ${seconds} s)`, async t => {
  const dir = t.testdir()
  const result = await runLab({ seed, seconds, ordersPerSecond: 8, dir: join(dir, 'run'), onProgress: () => {} })
  t.comment(JSON.stringify(result))
  t.same(result.violations, [])
  t.ok(result.facts['orders accepted (202)']! > 20, 'the platform took orders')
  t.ok(Object.values(result.faults).reduce((sum, { came }) => sum + came, 0) >= 5, 'it was harmed')
})
