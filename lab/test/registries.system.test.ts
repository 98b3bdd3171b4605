import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { t } from 'tap'
import { makePlan } from '../registries/plan.ts'

const MAIN = join(import.meta.dirname, '../registries/main.ts')
// Of so few the registry lets go as soon as their leases end: the run is short.
const FEW = ['--instances', '9', '--still', '5', '--seeds', '1', '--json']

t.setTimeout(600_000)

t.test('registries that stand still, are killed, come back with nothing and are restarted in turn agree, and undo nothing', async t => {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...FEW, '--folder', t.testdir()])
  const found = JSON.parse(stdout) as { violations: string[], counts: Record<string, number> }
  t.same(found.violations, [])
  const harms = Object.keys(found.counts).filter(name => name.startsWith('harm: '))
  t.equal(harms.length, 4, 'each harm was done')
  t.ok((found.counts['went to another registry'] ?? 0) > 0, 'and felt')
})

t.test('a plan has each kind of harm once, in an order of its own', async t => {
  const orders = Array.from({ length: 20 }, (_, seed) => makePlan(seed).harms.map(({ kind }) => kind.replace('-and-kill', '')).join())
  for (const order of orders) t.same(order.split(',').toSorted(), ['forget', 'kill', 'rolling', 'still'])
  t.ok(new Set(orders).size > 5)
})
