/** What keeps a mirror small: leftovers of runs that were ended, and many small packs made one. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

const MAX_PACKS = 20
/** Loose objects lie in 256 folders by the first two digits of their ids, which are as good as random. */
const SAMPLE = ['17', '4a', '93', 'd6']
const MAX_IN_SAMPLE = 30

/**
 * Commits that no label has any more stay readable by their ids, so nothing is dropped: packs are rolled up in growing
 * sizes, loose objects go into the smallest, and labels into one file.
 */
export const PACKING: readonly (readonly string[])[] = [
  ['-c', 'pack.threads=1', '-c', 'pack.windowMemory=32m', 'repack', '-d', '-l', '-q', '--geometric=2'],
  ['pack-refs', '--all', '--prune']
]

/** Whether a mirror has more packs or loose objects than it should. */
export async function needsPacking (folder: string): Promise<boolean> {
  const packs = await namesIn(join(folder, 'objects/pack'))
  if (packs.filter(name => name.endsWith('.pack')).length > MAX_PACKS) return true
  const loose = await Promise.all(SAMPLE.map(async one => namesIn(join(folder, 'objects', one))))
  return loose.flat().length > MAX_IN_SAMPLE
}

/**
 * Removes half-written packs and objects, and locks: git never waits for a lock, and one left by a killed fetch would
 * fail every fetch after it. Only when no git runs in the folder. A volume that takes no writes keeps them for now.
 */
export async function removeLeftovers (folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const leftovers = names.filter(name => /(?:\.lock|(?:^|\/)(?:tmp_|\.tmp-)[^/]*)$/.test(name))
  await Promise.all(leftovers.map(async name =>
    rm(join(folder, name), { recursive: true, force: true }).catch(() => {})))
}

async function namesIn (folder: string): Promise<string[]> {
  return readdir(folder).catch(() => [])
}
