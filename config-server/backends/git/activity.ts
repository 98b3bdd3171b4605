/** Signs that a git which says nothing is at work all the same. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** The unit of times in /proc, fixed in the interface of Linux. */
const TICK_MS = 10

/** How much of a pack has arrived: git writes what it receives, and tells of it once a second at most. */
export async function bytesArrived (repository: string): Promise<number> {
  const folder = join(repository, 'objects/pack')
  const names = (await readdir(folder).catch(() => [])).filter(name => name.startsWith('tmp_'))
  const sizes = await Promise.all(names.map(async name => stat(join(folder, name)).then(({ size }) => size, () => 0)))
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Processor time of all processes of a group and their ended children, as Linux tells it; 0 elsewhere. */
export async function cpuMsOfGroup (group: number | undefined): Promise<number> {
  const names = await readdir('/proc').catch(() => [])
  const times = await Promise.all(names.filter(name => /^\d+$/.test(name)).map(async name => {
    const stat = await readFile(`/proc/${name}/stat`, 'latin1').catch(() => '')
    return ticksOf(stat, group)
  }))
  return times.reduce((sum, ticks) => sum + ticks, 0) * TICK_MS
}

// The name of the program is in parentheses and may hold blanks; after it stand state, parent, group; utime, stime and
// those of ended children are the twelfth to fifteenth.
function ticksOf (stat: string, group: number | undefined): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (Number(fields[2]) !== group) return 0
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
}
