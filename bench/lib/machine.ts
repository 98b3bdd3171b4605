/**
 * What the machine did during a round, from /proc: CPU time of the measured processes and the share that the
 * hypervisor gave to others (steal). A round with much steal measures the neighbours, so it is repeated.
 */
import { readFileSync } from 'node:fs'

/** Linux counts in hundredths of a second on every platform that Node runs on. */
const MS_PER_TICK = 10

/** User and system time so far of a process with all its threads, in milliseconds. */
export function cpuMs (pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The command's name may hold spaces and parentheses: fields are counted from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
}

/** Resident memory of a process in bytes. */
export function rssBytes (pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1] ?? 0) * 1024
}

export interface CpuTimes {
  readonly total: number
  readonly steal: number
}

export function readCpuTimes (): CpuTimes {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0]?.split(/\s+/).slice(1).map(Number) ?? []
  // Guest time (the last two) is counted in user time already.
  return { total: fields.slice(0, 8).reduce((sum, field) => sum + field, 0), steal: fields[7] ?? 0 }
}

/** Share of all CPU time between two readings that the hypervisor took, 0 to 1. */
export function stealBetween (before: CpuTimes, after: CpuTimes): number {
  const total = after.total - before.total
  return total === 0 ? 0 : (after.steal - before.steal) / total
}
