/** What the runs have met, so that a series that meets nothing is not taken for one that finds nothing. */
import { ACTIONS } from './actions.ts'
import { FAULTS } from './faults/faults.ts'
import type { Look } from './look.ts'
import type { Stage } from './stage.ts'

export type Counts = ReadonlyMap<string, number>

/** Adds up what one run has met, once it is over. */
export function tally (stage: Stage, look: Look): void {
  const { deliveries, network, log } = stage.world
  const steps = look.rows<{ from: string, to: string, note: string }>('orders',
    'SELECT from_state AS "from", to_state AS "to", note FROM saga_log')
  for (const { from, to, note } of steps) stage.count(from === to ? `saga: ${to}, ${note}` : `saga: ${from} -> ${to}`)
  for (const { state } of look.rows<{ state: string }>('payments', 'SELECT state FROM payments')) stage.count(`payment: ${state}`)
  for (const [name, n] of Object.entries({ ...deliveries.done, ...network.done })) stage.count(`on the way: ${name}`, n)
  for (const { level, text } of log) if (level !== 'info') stage.count(`log: ${text}`)
}

/** Each is met at least so often in this many runs; about a third of what is usual. */
const RUNS = 500
const REQUIRED: Readonly<Record<string, number>> = {}
const PER_KIND = 15

/** What was met too seldom, in a series that is long enough to ask. */
export function missing (counts: Counts, runs: number): string[] {
  if (runs < RUNS) return []
  const wanted = [...Object.entries(REQUIRED), ...Object.keys({ ...ACTIONS, ...FAULTS }).map(name => [`step: ${name}`, PER_KIND] as const)]
  return wanted.filter(([name, n]) => (counts.get(name) ?? 0) < n)
    .map(([name, n]) => `COVERAGE "${name}" was met ${counts.get(name) ?? 0} times, ${n} are wanted`)
}
