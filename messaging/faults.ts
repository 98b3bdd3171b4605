/**
 * Named points where the failure lab kills the process: the places between two durable steps, which a random kill
 * seldom hits. Nothing happens unless `breakwater.faults` names a point.
 */
export type FaultPoint = 'afterCommit' | 'beforeAck' | 'midBatch' | 'beforeRelayMark'

export interface Faults {
  at (point: FaultPoint): void
}

export const NO_FAULTS: Faults = { at: () => {} }

/** Reads `afterCommit=0.01,beforeAck=0.002`: at each passing of the point, `kill` is called with that chance. */
export function readFaults (text: string, random: () => number, kill: () => void): Faults {
  const chances = new Map(text.split(',').map(part => part.trim().split('='))
    .map(([point, chance]) => [point ?? '', Number(chance)]))
  return { at: point => { if (random() < (chances.get(point) ?? 0)) kill() } }
}
