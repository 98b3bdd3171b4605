/**
 * Whether the faults had an effect. A run in which nothing had to be asked again, given up or refused proves nothing of
 * the code that asks again, gives up and refuses.
 */
import type { Harmed } from '../faults/faults.ts'
import type { Stores } from './rows.ts'

/** A fault may meet another one that hides it; this many of a kind do not all. */
const ENOUGH = 3

export function checkEffects (harmed: ReadonlyMap<string, Harmed>, stores: Stores, lost: number): string[] {
  const { resends, timeouts } = stores.orders
  const bit = (name: string) => (harmed.get(name)?.bit ?? 0) > 0
  const silent = bit('silent participant')
  return [
    ...[...harmed].filter(([, { came, bit }]) => came >= ENOUGH && bit === 0)
      .map(([name, { came }]) => `EFFECT ${name} came ${came} times and was never seen to bite`),
    ...demand(silent && resends === 0, 'a participant was silent, and no saga asked again'),
    ...demand(silent && timeouts === 0, 'a participant was silent for longer than patience, and no saga gave it up'),
    ...demand(lost > 0 && resends === 0, 'commands and replies were lost, and no saga asked again')
  ]
}

function demand (missing: boolean, what: string): string[] {
  return missing ? [`EFFECT ${what}`] : []
}
