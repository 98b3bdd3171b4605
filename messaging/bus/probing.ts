/** How lanes wait whose surroundings are down, the same on every bus. */

/** So many of them are tried per delay: all of them would be a load of their own. */
const PROBES = 10
/** Whoever gets through takes so many of those that wait along: when the surroundings are back, all are soon. */
export const FREED_BY_ONE = 4

/** How long one waits that is told to wait for `delayMs`, with so many that wait already. */
export function probeDelayMs (delayMs: number, waiting: number): number {
  return delayMs * Math.max(1, waiting / PROBES)
}
