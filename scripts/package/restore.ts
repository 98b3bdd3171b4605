/** Brings a folder back to what the checkout has: its own package.json, and no copy of the license. */
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Where the checkout's package.json waits while the one that travels is in its place. */
export const KEPT = 'package.json.checkout'

export function restore (folder: string): void {
  const kept = join(folder, KEPT)
  if (!existsSync(kept)) return
  renameSync(kept, join(folder, 'package.json'))
  rmSync(join(folder, 'LICENSE'), { force: true })
}
