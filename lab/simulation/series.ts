/** Many runs, one seed after the other, until one of them finds something. */

/** What every simulation says of a run. */
export interface Run {
  readonly violations: readonly string[]
  readonly trace: string
  readonly counts: ReadonlyMap<string, number>
  readonly events: number
}

export interface Series<Result extends Run> {
  /** The first run that found something. */
  readonly failed: Result | undefined
  readonly runs: number
  readonly counts: ReadonlyMap<string, number>
  readonly events: number
  readonly cpuMs: number
  /** A hash over the traces of all runs. */
  readonly trace: string
}

export interface SeriesOptions<Result extends Run> {
  readonly from: number
  readonly seeds: number
  readonly run: (seed: number) => Promise<Result>
  readonly onRun: (result: Result, n: number) => void
}

export async function runSeries<Result extends Run> (
  { from, seeds, run, onRun }: SeriesOptions<Result>
): Promise<Series<Result>> {
  const counts = new Map<string, number>()
  const cpu = process.cpuUsage()
  let [events, runs, trace] = [0, 0, 0]
  let failed: Result | undefined
  for (let seed = from; seed < from + seeds && failed === undefined; seed++) {
    const result = await run(seed)
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

