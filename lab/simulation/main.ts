/**
 * `npm run simulation -- [--seeds N] [--from SEED]` runs a series. It ends at the first seed that finds something,
 * makes its plan smaller and prints what happened. `--seed N` runs one and prints its trace, `--plan FILE` one that was
 * printed before. `--quiet` prints only what was found, `--json` one object, `--no-shrink` leaves the plan as it is.
 * Ends with 1 when something was found, or when too little was met to find anything.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { wholeNumber } from '../numbers.ts'
import { missing } from './coverage.ts'
import { makePlan, type Plan } from './plan.ts'
import { describeFailure, describePlan, describeSeries, toJson } from './report.ts'
import { runPlan, textOf, type RunResult } from './run.ts'
import { runSeries } from './series.ts'
import { shrink } from './shrink.ts'

const SEEDS = 500
const TRACE_LINES = 5000
const TELL_EVERY = 100

const { values } = parseArgs({ options: {
  seeds: { type: 'string' }, from: { type: 'string' }, seed: { type: 'string' }, plan: { type: 'string' },
  quiet: { type: 'boolean' }, json: { type: 'boolean' }, 'no-shrink': { type: 'boolean' }
} })

/** Promises that failed and nobody looked at: each would end a process. */
const unhandled: string[] = []
process.on('unhandledRejection', error => { unhandled.push(textOf(error)) })

const run = (plan: Plan, traceLines = 0): Promise<RunResult> =>
  runPlan(plan, { traceLines, unhandled: () => unhandled.splice(0) })
const say = (text: string): void => { if (values.json !== true) console.log(text) }

if (values.plan !== undefined) await single(JSON.parse(readFileSync(values.plan, 'utf8')) as Plan)
else if (values.seed !== undefined) await single(makePlan(wholeNumber('seed', values.seed, 0)))
else await series(wholeNumber('from', values.from, 1), wholeNumber('seeds', values.seeds, SEEDS))

async function single (plan: Plan): Promise<void> {
  const result = await run(plan, TRACE_LINES)
  say(describeFailure(result))
  if (values.json === true) console.log(JSON.stringify({ ...result, counts: Object.fromEntries(result.counts) }))
  process.exitCode = result.violations.length === 0 ? 0 : 1
}

async function series (from: number, seeds: number): Promise<void> {
  const result = await runSeries({ from, seeds, run: seed => run(makePlan(seed)), onRun: (_run, n) => {
    if (n % TELL_EVERY === 0 && values.quiet !== true) say(`${n} runs`)
  } })
  const seldom = result.failed === undefined ? missing(result.counts, result.runs) : []
  if (values.json === true) console.log(toJson(result, seldom))
  if (values.quiet !== true) say(describeSeries(result))
  for (const one of seldom) say(one)
  if (result.failed !== undefined) await explain(result.failed)
  process.exitCode = result.failed === undefined && seldom.length === 0 ? 0 : 1
}

/** Prints a run that found something, with as few steps as still find it. */
async function explain ({ plan, violations }: RunResult): Promise<void> {
  say(`seed ${plan.seed} found: ${violations.join('\n')}`)
  const same = kindOf(violations)
  const smaller = values['no-shrink'] === true || values.json === true
    ? plan
    : await shrink(plan, async other => kindOf((await run(other)).violations) === same)
  say(describeFailure(await run(smaller, TRACE_LINES)))
  say(describePlan(smaller))
}

/** What is broken, without how often and by which order. */
function kindOf ([first = '']: readonly string[]): string {
  return first.split(':', 1)[0]!
}
