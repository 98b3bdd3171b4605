/** When a process that exited is started again: at once-ish, then ever later, and not for ever. Pure. */

export interface RestartDecision {
  readonly again: boolean
  readonly pauseMs: number
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000
const MAX_QUICK_EXITS = 10

/** Up for this long counts as healthy again: the next exit is the first one. */
export const STABLE_AFTER_MS = 30_000

/** `quickExits`: how often in a row it did not stay up, this exit included (1 = the first). */
export function decideRestart (quickExits: number): RestartDecision {
  return {
    again: quickExits <= MAX_QUICK_EXITS,
    pauseMs: Math.min(FIRST_PAUSE_MS * 2 ** (quickExits - 1), LONGEST_PAUSE_MS)
  }
}
