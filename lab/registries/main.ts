/**
 * `npm run proof:registry`: three registries as processes, 5,000 instances that renew, operators and readers, and
 * what happens to registries: one stands still for a minute, one is killed, one comes back with nothing, all are
 * restarted in turn. `[--seeds N] [--from SEED] [--instances N] [--still SECONDS] [--folder FOLDER] [--json]`
 * Ends with 1 when registries or readers differ 5 s after the last harm, something that was answered is undone, or
 * anybody missed an instance that lives.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readFlags, wholeNumber } from '../../scripts/flags.ts'
import { makePlan } from './plan.ts'
import { runPlan } from './run.ts'

const values = readFlags(import.meta.filename, {
  seeds: { type: 'string' }, from: { type: 'string' }, instances: { type: 'string' }, still: { type: 'string' },
  folder: { type: 'string' }, json: { type: 'boolean' }
})
const from = wholeNumber('from', values.from, 1)
const seeds = wholeNumber('seeds', values.seeds, 20)
const instances = wholeNumber('instances', values.instances, 5000)
const stillMs = 1000 * wholeNumber('still', values.still, 60)
const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'breakwater-registries-'))
const say = (text: string): void => { if (values.json !== true) console.log(text) }

for (let seed = from; seed < from + seeds; seed++) {
  say(`seed ${seed}`)
  const { violations, counts, equalMs } = await runPlan(makePlan(seed), {
    instances, stillMs, folder: join(folder, String(seed)), say: text => { say(`  ${text}`) }
  })
  const found = { seed, violations, equalMs, counts: Object.fromEntries(counts) }
  if (values.json === true) console.log(JSON.stringify(found))
  for (const violation of violations) say(`  VIOLATION ${violation}`)
  if (violations.length > 0) process.exitCode = 1
}
say(process.exitCode === 1 ? `something was found; logs: ${folder}` : `${seeds} seeds, nothing found`)
process.exit()
