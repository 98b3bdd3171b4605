/** How much a group of processes has worked, as far as the system tells (Linux; elsewhere nothing is known). */
import { readdir, readFile } from 'node:fs/promises'

/** The unit of times in /proc, fixed in the interface of Linux. */
const TICK_MS = 10

/** Processor time of all processes of a group, and of those of its children that have ended. */
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
