/** INV-5, the second half: built anew from the first event, the read model is the one that was there, all the while. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Platform } from '../platform/platform.ts'
import type { DocumentRow } from './rows.ts'
import { storesOf } from './stores.ts'

const MAX_MS = 60_000

/** The platform must be quiet, or the two would differ rightly. */
export async function checkRebuild (platform: Platform): Promise<string[]> {
  const stores = storesOf(platform)
  const before = stores.documents()
  const generation = stores.generation()
  const url = `${platform.url('order-history')}/internal/projections/orders/rebuild`
  const response = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(5000) })
  if (!response.ok) return [`INV-5 the rebuild was refused: ${response.status}`]
  const deadline = Date.now() + MAX_MS
  for (;;) {
    const rebuilt = stores.generation() > generation
    // Readers have the old one until the new one is whole: no look may find another.
    const other = compare(before, stores.documents())
    if (rebuilt || other.length > 0) return other
    if (Date.now() > deadline) return [`INV-5 the rebuild did not end within ${MAX_MS} ms`]
    await delay(100)
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
