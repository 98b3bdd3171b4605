/**
 * Runs the checks, each until its time is over:
 * `node gateway/test/fuzzing/run.ts --seconds 600 [--seed N] [--what requests|responses]`.
 * The seed is printed; the same seed gives the same cases.
 */
import { readFlags } from '../../../scripts/flags.ts'
import { seeded, type Random } from './random.ts'
import { checkRequest } from './requests.ts'
import { checkResponse } from './responses.ts'

type Check = (random: Random) => Promise<'both' | 'stricter' | 'neither'>

export const CHECKS: ReadonlyMap<string, Check> = new Map([['requests', checkRequest], ['responses', checkResponse]])

/** Counts of what came out; the first disagreement is thrown with its seed. */
export async function fuzz (name: string, check: Check, milliseconds: number, seed: number): Promise<string> {
  const random = seeded(seed)
  const counts = { both: 0, stricter: 0, neither: 0 }
  const end = performance.now() + milliseconds
  let cases = 0
  try {
    for (; performance.now() < end; cases++) {
      counts[await check(random)]++
      // In memory everything happens in microtasks: without a turn of the event loop nothing would ever be written.
      if (cases % 64 === 0) await new Promise(setImmediate)
    }
  } catch (fault) {
    throw new Error(`${name}, seed ${seed}, case ${cases}: ${fault instanceof Error ? fault.message : String(fault)}`, { cause: fault })
  }
  return `${name}, seed ${seed}, ${cases} cases: both accept ${counts.both}, only Node ${counts.stricter}, neither ${counts.neither}`
}

if (import.meta.main) {
  const values = readFlags(import.meta.filename, {
    seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, what: { type: 'string' }
  })
  for (const [name, check] of CHECKS) {
    if (values.what !== undefined && values.what !== name) continue
    const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32))
    console.log(await fuzz(name, check, Number(values.seconds) * 1000, seed))
  }
}
