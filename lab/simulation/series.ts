/** Many runs, one seed after the other, until one of them finds something. */
import { makePlan, type Plan } from './plan.ts'
import type { RunResult } from './run.ts'

export interface Series {
  /** The first run that found something. */
  readonly failed: RunResult | undefined
  readonly runs: number
  readonly counts: ReadonlyMap<string, number>
  readonly events: number
  readonly cpuMs: number
  /** A hash over the traces of all runs. */
  readonly trace: string
}

export interface SeriesOptions {
  readonly from: number
  readonly seeds: number
  readonly run: (plan: Plan) => Promise<RunResult>
  readonly onRun: (result: RunResult, n: number) => void
}

export async function runSeries ({ from, seeds, run, onRun }: SeriesOptions): Promise<Series> {
  const counts = new Map<string, number>()
  const cpu = process.cpuUsage()
  let [events, runs, trace] = [0, 0, 0]
  let failed: RunResult | undefined
  for (let seed = from; seed < from + seeds && failed === undefined; seed++) {
    const result = await run(makePlan(seed))
    runs++
    events += result.events
    trace = (Math.imul(trace, 31) + Number.parseInt(result.trace, 16)) >>> 0
    for (const [name, n] of result.counts) counts.set(name, (counts.get(name) ?? 0) + n)
    if (result.violations.length > 0) failed = result
    onRun(result, runs)
  }
  const { user, system } = process.cpuUsage(cpu)
  return { failed, runs, counts, events, cpuMs: (user + system) / 1000, trace: trace.toString(16) }
}

