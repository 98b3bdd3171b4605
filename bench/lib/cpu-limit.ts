/** A share of a core for a process, as a container's CPU limit gives it. Linux, as root; control groups 1 or 2. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'

const PERIOD_US = 100_000
const ROOT = '/sys/fs/cgroup'

/** Limits the process; returns what takes the limit away, once the process has ended. */
export function limitCpu (pid: number, cores: number): () => void {
  const quota = Math.round(cores * PERIOD_US)
  const isV2 = existsSync(path.join(ROOT, 'cgroup.controllers'))
  const group = path.join(ROOT, isV2 ? '' : 'cpu', `breakwater-bench-${pid}`)
  mkdirSync(group)
  if (isV2) writeFileSync(path.join(group, 'cpu.max'), `${quota} ${PERIOD_US}`)
  else {
    writeFileSync(path.join(group, 'cpu.cfs_period_us'), String(PERIOD_US))
    writeFileSync(path.join(group, 'cpu.cfs_quota_us'), String(quota))
  }
  writeFileSync(path.join(group, 'cgroup.procs'), String(pid))
  return () => rmdirSync(group)
}
