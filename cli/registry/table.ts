/** Columns as wide as what is in them; no head when none is given. */
export function table (head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const lines = head.length === 0 ? rows : [head, ...rows]
  const widths = (lines[0] ?? []).map((_, at) => Math.max(...lines.map(line => line[at]?.length ?? 0)))
  return lines.map(line => `${line.map((text, at) => text.padEnd(widths[at] ?? 0)).join('  ').trimEnd()}\n`).join('')
}
