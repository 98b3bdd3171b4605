/**
 * The command line of a simulation: `[--seeds N] [--from SEED]` runs a series. It ends at the first seed that finds
 * something, makes its plan smaller and prints what happened. `--seed N` runs one and prints its trace, `--plan FILE`
 * one that was printed before. `--quiet` prints only what was found, `--json` one object, `--no-shrink` leaves the plan
 * as it is. Ends with 1 when something was found, or when too little was met to find anything.
 */
import { readFileSync } from 'node:fs'
import { readFlags, wholeNumber } from '../../scripts/flags.ts'
import { describeFailure, describePlan, describeSeries, toJson, type AnyPlan, type TracedRun } from './report.ts'
import { runSeries } from './series.ts'
import { shrink } from './shrink.ts'

/** A run with its plan, which can be made smaller. */
interface PlannedRun<Plan extends AnyPlan> extends TracedRun { readonly plan: Plan }

export interface Simulation<Plan extends AnyPlan> {
  /** Of a series, unless the command line says otherwise. */
  readonly seeds: number
  /** Runs between two lines of progress. */
  readonly tellEvery: number
  readonly makePlan: (seed: number) => Plan
  readonly run: (plan: Plan, traceLines: number) => Promise<PlannedRun<Plan>>
  /** What a series has met too seldom. */
  readonly missing: (counts: ReadonlyMap<string, number>, runs: number) => string[]
  /** What is broken, of a violation's text: without how often, where, and by what. */
  readonly kindOf: (violation: string) => string
}

const TRACE_LINES = 5000

export async function runCommand<Plan extends AnyPlan> (simulation: Simulation<Plan>): Promise<void> {
  const { seeds, tellEvery, makePlan, run, missing, kindOf } = simulation
  const values = readFlags(import.meta.filename, {
    seeds: { type: 'string' }, from: { type: 'string' }, seed: { type: 'string' }, plan: { type: 'string' },
    quiet: { type: 'boolean' }, json: { type: 'boolean' }, 'no-shrink': { type: 'boolean' }
  })
  const say = (text: string): void => { if (values.json !== true) console.log(text) }

  const single = async (plan: Plan): Promise<void> => {
    const result = await run(plan, TRACE_LINES)
    say(describeFailure(result))
    if (values.json === true) console.log(JSON.stringify({ ...result, counts: Object.fromEntries(result.counts) }))
    process.exitCode = result.violations.length === 0 ? 0 : 1
  }
  const series = async (from: number, count: number): Promise<void> => {
    const result = await runSeries({ from, seeds: count, run: seed => run(makePlan(seed), 0), onRun: (_run, n) => {
      if (n % tellEvery === 0 && values.quiet !== true) say(`${n} runs`)
    } })
    const seldom = result.failed === undefined ? missing(result.counts, result.runs) : []
    if (values.json === true) console.log(toJson(result, seldom))
    if (values.quiet !== true) say(describeSeries(result))
    for (const one of seldom) say(one)
    if (result.failed !== undefined && values.json !== true) await explain(result.failed)
    process.exitCode = result.failed === undefined && seldom.length === 0 ? 0 : 1
  }
  /** Prints a run that found something, with as few steps as still find it. */
  const explain = async ({ plan, violations }: PlannedRun<Plan>): Promise<void> => {
    say(`seed ${plan.seed} found: ${violations.join('\n')}`)
    const found = ([first = '']: readonly string[]): string => kindOf(first)
    const smaller = values['no-shrink'] === true
      ? plan
      : await shrink(plan, async other => found((await run(other, 0)).violations) === found(violations))
    say(describeFailure(await run(smaller, TRACE_LINES)))
    say(describePlan(smaller))
  }

  if (values.plan !== undefined) await single(JSON.parse(readFileSync(values.plan, 'utf8')) as Plan)
  else if (values.seed !== undefined) await single(makePlan(wholeNumber('seed', values.seed, 0)))
  else await series(wholeNumber('from', values.from, 1), wholeNumber('seeds', values.seeds, seeds))
}
