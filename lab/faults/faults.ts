/** The faults, one after the other and on top of each other, chosen by the seed. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '@breakwater/messaging/testing'
import type { Platform } from '../platform/platform.ts'
import { fillDisk, lockDatabase } from './disks.ts'
import type { Fault } from './fault.ts'
import { busDown, harm, poison, repeatLate, rollOut } from './network.ts'
import { freeze, jumpClock, kill, killPoint, restart, silence, slowPayments } from './processes.ts'
import { killPostgres, killRedis, lockTable, readOnlyPostgres } from './servers.ts'

const isShared = (platform: Platform): boolean => platform.servers !== undefined

export const FAULTS: readonly Fault[] = [
  { name: 'SIGKILL', weight: 10, run: kill },
  { name: 'kill point', weight: 4, run: killPoint },
  { name: 'restart (SIGTERM)', weight: 3, run: restart },
  { name: 'bus down', weight: 2, run: busDown },
  { name: 'database locked', weight: 2, possible: platform => !isShared(platform), run: lockDatabase },
  { name: 'process stopped (SIGSTOP)', weight: 2, run: freeze },
  { name: 'silent participant', weight: 1, run: silence },
  { name: 'slow participant', weight: 1, run: slowPayments },
  { name: 'duplicates', weight: 2, run: harm('duplicate', 0.3) },
  { name: 'reorder', weight: 2, run: harm('reorder', 0.3) },
  { name: 'drops to the projection', weight: 2, run: harm('drop', 0.05) },
  { name: 'lost commands and replies', weight: 2, run: harm('lose', 0.1) },
  { name: 'clock jump', weight: 2, run: jumpClock },
  { name: 'hour-late duplicates', weight: 2, run: repeatLate },
  { name: 'disk full', weight: 2, possible: platform => platform.disk !== undefined, run: fillDisk },
  { name: 'PostgreSQL killed', weight: 2, possible: isShared, run: killPostgres },
  { name: 'PostgreSQL read-only', weight: 2, possible: isShared, run: readOnlyPostgres },
  { name: 'table locked', weight: 2, possible: isShared, run: lockTable },
  { name: 'Redis killed', weight: 2, possible: isShared, run: killRedis },
  { name: 'rolling deploy, new fields', weight: 1, run: rollOut },
  { name: 'poison', weight: 1, run: poison }
]

/** How often a fault came, and how often its effect was seen. */
export interface Harmed { came: number, bit: number }

/** Injects faults until told to stop. `harmed` is kept up to date, by name. */
export async function injectFaults (
  platform: Platform, random: Random, signal: AbortSignal, harmed: Map<string, Harmed>, onFault: (name: string) => void
): Promise<void> {
  const bag = FAULTS.filter(fault => fault.possible?.(platform) ?? true)
    .flatMap(fault => Array.from({ length: fault.weight }, () => fault))
  const running = new Set<Promise<void>>()
  while (!signal.aborted) {
    await delay(300 + random.below(1500), undefined, { signal }).catch(() => {})
    if (signal.aborted) break
    const fault = random.pick(bag)
    onFault(fault.name)
    const record = harmed.get(fault.name) ?? { came: 0, bit: 0 }
    harmed.set(fault.name, record)
    record.came++
    const job = fault.run(platform, random).then(bit => {
      if (bit) record.bit++
    }).finally(() => { running.delete(job) })
    running.add(job)
    if (running.size >= 3) await Promise.race(running)
  }
  await Promise.all(running)
}
