/** CPU share and resident memory of a process, from /proc; undefined where there is none (macOS) or it has gone. */
import { readFileSync } from 'node:fs'

export interface Usage {
  readonly atMs: number
  readonly cpuTicks: number
  /** Over the time since the last reading; 100 = one core. */
  readonly cpuPercent: number
  readonly rssBytes: number
}

// Linux has had USER_HZ = 100 and 4 KiB pages on every platform that Node runs on.
const MS_PER_TICK = 10
const PAGE_BYTES = 4096

export function readUsage (pid: number, last: Map<number, Usage>, nowMs: number): Usage | undefined {
  const stat = readStat(pid)
  if (stat === undefined) return undefined
  const before = last.get(pid)
  const elapsed = before === undefined ? 0 : nowMs - before.atMs
  const cpuPercent = before === undefined || elapsed <= 0
    ? 0
    : (stat.cpuTicks - before.cpuTicks) * MS_PER_TICK / elapsed * 100
  const usage = { ...stat, atMs: nowMs, cpuPercent }
  last.set(pid, usage)
  return usage
}

function readStat (pid: number): { cpuTicks: number, rssBytes: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command name may hold spaces and parentheses: fields are counted from the last one.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { cpuTicks: Number(fields[11]) + Number(fields[12]), rssBytes: Number(fields[21]) * PAGE_BYTES }
  } catch {
    return undefined
  }
}
