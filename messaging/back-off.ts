/** How long to wait before asking again: doubled with each failure in a row, and spread, or all would come at once. */
export function backOffMs (failures: number, firstMs: number, maxMs: number, random: () => number): number {
  return Math.min(firstMs * 2 ** Math.min(failures - 1, 20), maxMs) * (0.5 + random() / 2)
}
