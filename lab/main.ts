/**
 * `npm run lab -- [--seed N] [--seconds S | --minutes M] [--seeds N] [--shared] [--rate ORDERS_PER_SECOND]
 * [--keep] [--quiet]`
 * `npm run lab -- --isolation` makes the table of what works while what is down.
 * Prints a table and the seed; ends with 1 when an invariant was broken, and then keeps the run's folder.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom } from '@breakwater/messaging/testing'
import { readFlags, wholeNumber } from '../scripts/flags.ts'
import { isolationTable, showIsolation, type IsolationRow } from './isolation.ts'
import { runLab, type LabResult } from './lab.ts'
import { Platform } from './platform/platform.ts'

const values = readFlags(import.meta.filename, {
  seed: { type: 'string' }, seconds: { type: 'string' }, minutes: { type: 'string' }, seeds: { type: 'string' }, shared: { type: 'boolean' },
  rate: { type: 'string' }, keep: { type: 'boolean' }, quiet: { type: 'boolean' },
  isolation: { type: 'boolean' }
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const firstSeed = wholeNumber('seed', values.seed, Math.floor(Math.random() * 1e9))
const seconds = values.minutes === undefined
  ? wholeNumber('seconds', values.seconds, 60)
  : wholeNumber('minutes', values.minutes, 1) * 60
const started = performance.now()

let failed = 0
const runs = values.isolation === true ? 0 : wholeNumber('seeds', values.seeds, 1)
if (values.isolation === true) await isolate()
for (let run = 0; run < runs; run++) {
  const seed = firstSeed + run
  const dir = mkdtempSync(join(tmpdir(), `breakwater-lab-${seed}-`))
  console.log(`lab: seed ${seed}, ${seconds} s, folder ${dir}`)
  const result = await runLab({ seed, seconds, dir, shared: values.shared === true,
    ordersPerSecond: wholeNumber('rate', values.rate, 10), onProgress: progress })
  print(result)
  if (result.violations.length > 0) failed++
  else if (values.keep !== true) rmSync(dir, { recursive: true, force: true })
}
process.exitCode = failed === 0 ? 0 : 1

function progress (text: string): void {
  if (values.quiet === true) return
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(7)} s  ${text}`)
}

async function isolate (): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'breakwater-isolation-'))
  const platform = new Platform(dir, createRandom(firstSeed))
  const rows: IsolationRow[] = []
  try {
    await platform.start()
    await showIsolation(platform, row => {
      rows.push(row)
      if (row.order.startsWith('NOT')) failed++
      console.log(JSON.stringify(row))
    })
  } finally {
    await platform.stop()
  }
  console.log(`\n${isolationTable(rows)}\n`)
  if (failed === 0) rmSync(dir, { recursive: true, force: true })
}

function print ({ seed, violations, faults, facts, settleMs }: LabResult): void {
  const rows: Array<[string, string | number]> = [
    ...Object.entries(faults).toSorted(([a], [b]) => a < b ? -1 : 1).map(([name, { came, bit }]): [string, string] =>
      [`fault: ${name}`, `${came}, seen ${bit}`]),
    ...Object.entries(facts), ['settled after, ms', settleMs], ['violations', violations.length]
  ]
  console.log(`\n| seed ${seed} | |\n|---|---:|\n${rows.map(([name, value]) => `| ${name} | ${value} |`).join('\n')}\n`)
  for (const violation of violations) console.log(`VIOLATION ${violation}`)
}
