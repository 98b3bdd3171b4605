/** Times in 32-bit cells: milliseconds that wrap around, so what is compared must lie within 24 days. */

export function wrapped (ms: number): number {
  return Math.ceil(ms) | 0
}

/** Has the time of that cell come? */
export function hasCome (cell: number, nowMs: number): boolean {
  return ((Math.floor(nowMs) | 0) - cell | 0) >= 0
}
