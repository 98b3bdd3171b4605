/** INV-5, the second half: the read model built anew from the first event is the one that was there. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Platform } from '../platform/platform.ts'
import type { DocumentRow } from './rows.ts'
import { readDocuments } from './stores.ts'

const MAX_MS = 60_000

/** The platform must be quiet, or the two would differ rightly. */
export async function checkRebuild (platform: Platform): Promise<string[]> {
  const before = readDocuments(platform.dir)
  const generation = oldest(before)
  const url = `${platform.url('order-history')}/internal/projections/orders/rebuild`
  const response = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(5000) })
  if (!response.ok) return [`INV-5 the rebuild was refused: ${response.status}`]
  const deadline = Date.now() + MAX_MS
  for (;;) {
    const after = readDocuments(platform.dir)
    // Each document passes through all of its versions again: what counts is what they come to.
    const other = compare(before, after)
    const rebuilt = before.length === 0 || oldest(after) > generation
    if (rebuilt && other.length === 0) return []
    if (Date.now() > deadline) return rebuilt ? other : [`INV-5 the rebuild did not end within ${MAX_MS} ms`]
    await delay(200)
  }
}

function oldest (documents: readonly DocumentRow[]): number {
  return Math.min(...documents.map(row => row.generation))
}

function compare (before: readonly DocumentRow[], after: readonly DocumentRow[]): string[] {
  const rebuilt = new Map(after.map(row => [row.id, contentOf(row)]))
  const other = before.filter(row => rebuilt.get(row.id) !== contentOf(row))
  return other.length === 0 && before.length === after.length
    ? []
    : [`INV-5 a rebuild gives another read model: ${before.length} documents, then ${after.length}, ` +
      `other: ${other.length}, first ${other[0]?.id}`]
}

function contentOf ({ generation: _generation, ...row }: DocumentRow): string {
  return JSON.stringify(row)
}
