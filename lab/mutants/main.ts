/**
 * `npm run mutants -- [--package NAME] [--only ID,ID] [--sample N] [--seed N] [--list] [--json]`: can the
 * tests fail? Each mutant is put into a copy of the checkout, one at a time, and the tests that must see it are run.
 * Ends with 1 when one survives, when its text has gone, or when the tests are red without any.
 */
import { join } from 'node:path'
import { createRandom } from '@breakwater/messaging/testing'
import { readFlags, wholeNumber } from '../../scripts/flags.ts'
import { copyCheckout, removeCopy } from './copy.ts'
import { ALL } from './list/all.ts'
import type { Fate, Mutant } from './mutant.ts'
import { isGreen, tryMutant } from './try.ts'

const ROOT = join(import.meta.dirname, '../..')

const values = readFlags(import.meta.filename, {
  package: { type: 'string' }, only: { type: 'string' }, sample: { type: 'string' }, seed: { type: 'string' },
  list: { type: 'boolean' }, json: { type: 'boolean' }
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const seed = wholeNumber('seed', values.seed, Math.floor(Math.random() * 1e9))
const chosen = choose()
if (values.list === true) for (const { id, breaks } of chosen) console.log(`${id.padEnd(24)} ${breaks}`)
else process.exitCode = await run() ? 0 : 1

function choose (): readonly Mutant[] {
  const only = values.only?.split(',')
  const asked = ALL.filter(({ id, package: name }) =>
    (values.package === undefined || name === values.package) && (only === undefined || only.includes(id)))
  if (values.sample === undefined) return asked
  const random = createRandom(seed)
  return asked.map(mutant => ({ mutant, at: random.next() })).toSorted((a, b) => a.at - b.at)
    .slice(0, wholeNumber('sample', values.sample, 0)).map(({ mutant }) => mutant)
}

async function run (): Promise<boolean> {
  say(`${chosen.length} mutants of ${ALL.length}, seed ${seed}`)
  if (chosen.length === 0) return false
  const copy = copyCheckout(ROOT)
  process.once('exit', () => { removeCopy(copy) })
  const red = await redWithout(copy)
  for (const one of red) say(`RED     ${one} is red without any mutant`)
  if (red.length > 0) return false
  const fates: Array<{ mutant: Mutant, fate: Fate }> = []
  for (const mutant of chosen) {
    const started = performance.now()
    const fate = await tryMutant(copy, mutant)
    fates.push({ mutant, fate })
    say(`${fate.kind.toUpperCase().padEnd(8)} ${mutant.id.padEnd(24)} ${mutant.breaks} ` +
      `(${Math.round((performance.now() - started) / 1000)} s${fate.kind === 'caught' ? `, ${fate.by}` : ''})`)
  }
  report(fates)
  return fates.every(({ fate }) => fate.kind === 'caught')
}

/** A test that is red for nothing would catch everything. */
async function redWithout (copy: string): Promise<string[]> {
  const red: string[] = []
  for (const one of new Set(chosen.flatMap(mutant => mutant.seenBy))) if (!await isGreen(copy, one)) red.push(one)
  return red
}

function report (fates: ReadonlyArray<{ mutant: Mutant, fate: Fate }>): void {
  if (values.json === true) console.log(JSON.stringify(fates.map(({ mutant: { id }, fate }) => ({ id, ...fate }))))
  for (const [name, some] of Map.groupBy(fates, ({ mutant }) => mutant.package)) {
    const caught = some.filter(({ fate }) => fate.kind === 'caught').length
    say(`${name}: ${caught} of ${some.length} caught`)
  }
}

/** With --json, standard output is for machines. */
function say (text: string): void {
  if (values.json === true) console.error(text)
  else console.log(text)
}
