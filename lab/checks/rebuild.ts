/** INV-5, the second half: built anew from the first event, the read model is the one that was there, all the while. */
import type { DocumentRow } from './rows.ts'

/** The platform, as processes or simulated, and its time. */
export interface RebuildParts {
  /** What readers get. */
  readonly documents: () => DocumentRow[]
  /** The generation of it. */
  readonly generation: () => number
  /** Asks for the rebuild; the status of the answer. */
  readonly ask: () => Promise<number>
  readonly now: () => number
  /** Lets a moment pass. */
  readonly wait: () => Promise<void>
  readonly maxMs: number
}

/** The platform must be quiet, or the two would differ rightly. */
export async function checkRebuild ({ documents, generation, ask, now, wait, maxMs }: RebuildParts): Promise<string[]> {
  const before = documents()
  const old = generation()
  const status = await ask()
  if (status !== 202) return [`INV-5 the rebuild was refused: ${status}`]
  const deadline = now() + maxMs
  for (;;) {
    const rebuilt = generation() > old
    // Readers have the old one until the new one is whole: no look may find another.
    const other = compare(before, documents())
    if (rebuilt || other.length > 0) return other
    if (now() > deadline) return [`INV-5 the rebuild did not end within ${maxMs} ms`]
    await wait()
  }
}

function compare (before: readonly DocumentRow[], after: readonly DocumentRow[]): string[] {
  const rebuilt = new Map(after.map(row => [row.id, contentOf(row)]))
  const other = before.filter(row => rebuilt.get(row.id) !== contentOf(row))
  return other.length === 0 && before.length === after.length
    ? []
    : [`INV-5 a rebuild gives another read model: ${before.length} documents, then ${after.length}, ` +
      `other: ${other.length}, first ${other[0]?.id}`]
}

function contentOf (row: DocumentRow): string {
  return JSON.stringify(row)
}
