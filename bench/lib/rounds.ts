/**
 * Interleaved rounds: every candidate once, then every candidate again, so that a slow minute of the machine hits all
 * of them. A round with more steal than allowed is repeated, a bounded number of times, and printed as such.
 */
import { readCpuTimes, stealBetween } from './machine.ts'

export interface RoundOptions {
  /** @default 5 */
  readonly rounds?: number
  /** Share of CPU time taken by the hypervisor above which a round is repeated. @default 0.02 */
  readonly maxSteal?: number
  readonly onRound?: (name: string, round: number, steal: number, repeated: boolean) => void
}

const MAX_REPEATS = 3

/** Runs the candidates and gives each one's results in order. */
export async function interleave<T> (
  candidates: ReadonlyMap<string, () => Promise<T>>, options: RoundOptions = {}
): Promise<Map<string, T[]>> {
  const results = new Map([...candidates.keys()].map(name => [name, [] as T[]]))
  for (let round = 1; round <= (options.rounds ?? 5); round++) {
    for (const [name, measure] of candidates) {
      results.get(name)?.push(await undisturbed(name, round, measure, options))
    }
  }
  return results
}

async function undisturbed<T> (name: string, round: number, measure: () => Promise<T>, options: RoundOptions) {
  for (let repeat = 0; ; repeat++) {
    const before = readCpuTimes()
    const result = await measure()
    const steal = stealBetween(before, readCpuTimes())
    const disturbed = steal > (options.maxSteal ?? 0.02)
    options.onRound?.(name, round, steal, disturbed && repeat < MAX_REPEATS)
    if (!disturbed || repeat === MAX_REPEATS) return result
  }
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median (values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1
    ? sorted[Math.floor(middle)] ?? Number.NaN
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}
