/** What a person, or a program, is told of runs. */
import type { Run, Series } from './series.ts'

/** The end of a trace says most. */
const LINES = 300

export interface AnyPlan {
  readonly seed: number
  readonly steps: readonly unknown[]
}

/** A run with the lines of its trace. */
export interface TracedRun extends Run {
  readonly plan: AnyPlan
  readonly lines: readonly string[]
}

export function describeFailure ({ plan, violations, lines, trace }: TracedRun): string {
  return [`seed ${plan.seed}, ${plan.steps.length} steps, trace ${trace}`, ...lines.slice(-LINES).map(short), '',
    ...violations.map(violation => `VIOLATION ${violation}`), ''].join('\n')
}

/** The last digits of ids tell them apart. */
function short (line: string): string {
  return line.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{6}([0-9a-f]{6})/g, '#$1')
    .replace(/breakwater-(\S+)\.fifo */, (_whole, name: string) => `${name} `.padEnd(20))
}

export function describePlan (plan: AnyPlan): string {
  return `the plan, for --plan FILE:\n${JSON.stringify(plan)}`
}

export function describeSeries ({ runs, events, cpuMs, counts, trace }: Series<Run>): string {
  const rows = [...counts].toSorted(([a], [b]) => a < b ? -1 : 1).map(([name, n]) => `| ${name} | ${n} |`)
  return [`| ${runs} runs, ${events} events, trace ${trace} | |`, '|---|---:|', ...rows, '',
    `${(cpuMs / runs).toFixed(1)} ms of CPU per run`].join('\n')
}

/** For programs. */
export function toJson (series: Series<TracedRun>, missing: readonly string[]): string {
  const { failed, counts, ...rest } = series
  return JSON.stringify({ ...rest, failed: failed === undefined ? null : { seed: failed.plan.seed, plan: failed.plan,
    trace: failed.trace, violations: failed.violations }, missing, counts: Object.fromEntries(counts) })
}
