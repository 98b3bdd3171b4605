/** Tables and aims as text. */
import { median } from '../lib/rounds.ts'
import type { Round } from './load.ts'

export type Results = ReadonlyMap<string, readonly Round[]>

const COLUMNS = ['req/s', 'CPU us/req', 'p50 ms', 'p99 ms', 'MB/s', 'RSS MiB', 'stall ms', 'errors']

/** One line a candidate, medians over its rounds. */
export function table (title: string, results: Results): void {
  console.log(`\n${title}`)
  const width = Math.max(...[...results.keys()].map((name) => name.length), 10) + 2
  console.log(' '.repeat(width) + COLUMNS.map((name) => name.padStart(12)).join(''))
  for (const [name, rounds] of results) {
    const cells = [
      of(rounds, 'perSecond').toFixed(0), of(rounds, 'cpuMicros').toFixed(1), of(rounds, 'p50Ms').toFixed(2), of(rounds, 'p99Ms').toFixed(1),
      (of(rounds, 'bytesPerSecond') / 1e6).toFixed(0), (of(rounds, 'rssBytes') / 1_048_576).toFixed(0),
      stall(of(rounds, 'stallMs')), String(Math.max(...rounds.map((round) => round.errors)))
    ]
    console.log(name.padEnd(width) + cells.map((cell) => cell.padStart(12)).join(''))
  }
}

function stall (ms: number): string {
  return Number.isNaN(ms) ? '' : ms.toFixed(0)
}

export function of (rounds: readonly Round[] | undefined, field: keyof Round): number {
  return rounds === undefined || rounds.length === 0 ? Number.NaN : median(rounds.map((round) => round[field]))
}

/** `aim` beside what came out. Ratios of what is missing are not judged. */
export function aim (what: string, value: number, least: number, unit = 'x'): void {
  if (Number.isNaN(value)) console.log(`  ${what}: not measured`)
  else console.log(`  ${value >= least ? 'met   ' : 'MISSED'}  ${what}: ${value.toFixed(2)}${unit} (aim: at least ${least}${unit})`)
}

export function aimBelow (what: string, value: number, most: number, unit: string): void {
  if (Number.isNaN(value)) console.log(`  ${what}: not measured`)
  else console.log(`  ${value <= most ? 'met   ' : 'MISSED'}  ${what}: ${value.toFixed(2)} ${unit} (aim: at most ${most} ${unit})`)
}
