/** The faults, one after the other and on top of each other, chosen by the seed. */
import { DatabaseSync } from 'node:sqlite'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '@breakwater/messaging/testing'
import { SERVICES, type Platform } from '../platform/platform.ts'

export interface Fault {
  readonly name: string
  /** How often it is chosen, against the others. */
  readonly weight: number
  /** False where this machine does not allow it. Default: always. */
  possible? (platform: Platform): boolean
  run (platform: Platform, random: Random): Promise<void>
}

const KILL_POINTS = ['afterCommit', 'beforeAck', 'midBatch', 'beforeRelayMark'] as const
const SQLITE = ['orders', 'payments', 'order-history', 'users'] as const

/** Their wall clocks jump; the registry's and the gateway's are tried by their own tests. */
const CLOCKS = [...SERVICES, 'bus']
const HOUR_MS = 3_600_000

const VICTIMS = [...SERVICES, 'bus', 'gateway', 'discovery']

export const FAULTS: readonly Fault[] = [
  { name: 'SIGKILL', weight: 10, run: kill },
  { name: 'kill point', weight: 4, run: killPoint },
  { name: 'restart (SIGTERM)', weight: 3, run: restart },
  { name: 'bus down', weight: 2, run: busDown },
  { name: 'database locked', weight: 2, run: lockDatabase },
  { name: 'process stopped (SIGSTOP)', weight: 2, run: freeze },
  { name: 'duplicates', weight: 2, run: harm('duplicate', 0.3) },
  { name: 'reorder', weight: 2, run: harm('reorder', 0.3) },
  { name: 'drops to the projection', weight: 2, run: harm('drop', 0.05) },
  { name: 'slow participant', weight: 1, run: slowPayments },
  { name: 'clock jump', weight: 2, run: jumpClock },
  { name: 'hour-late duplicates', weight: 2, run: repeatLate },
  { name: 'disk full', weight: 2, possible: platform => platform.disk !== undefined, run: fillDisk },
  { name: 'rolling deploy, new fields', weight: 1, run: rollOut },
  { name: 'poison', weight: 1, run: poison }
]

/** Injects faults until told to stop; returns how often each came. */
export async function injectFaults (
  platform: Platform, random: Random, signal: AbortSignal, onFault: (name: string) => void
): Promise<void> {
  const bag = FAULTS.filter(fault => fault.possible?.(platform) ?? true)
    .flatMap(fault => Array.from({ length: fault.weight }, () => fault))
  const running = new Set<Promise<void>>()
  while (!signal.aborted) {
    await delay(300 + random.below(1500), undefined, { signal }).catch(() => {})
    if (signal.aborted) break
    const fault = random.pick(bag)
    onFault(fault.name)
    const job = fault.run(platform, random).finally(() => { running.delete(job) })
    running.add(job)
    if (running.size >= 3) await Promise.race(running)
  }
  await Promise.all(running)
}

/** Two faults may want the same process; it is started by whoever comes last and finds it down. */
async function comeBack (platform: Platform, name: string, extra: readonly string[] = []): Promise<void> {
  const one = platform.process(name)
  // One that is killed while it starts is a fault too; the next start is what counts.
  if (!one.running) await one.start(extra).catch(() => {})
}

async function kill (platform: Platform, random: Random): Promise<void> {
  const name = random.pick(VICTIMS)
  await platform.process(name).stop('SIGKILL')
  await delay(random.below(3000))
  await comeBack(platform, name)
}

async function killPoint (platform: Platform, random: Random): Promise<void> {
  const name = random.pick(SERVICES)
  const point = random.pick(KILL_POINTS)
  await platform.process(name).stop('SIGTERM')
  await comeBack(platform, name, [`--breakwater.faults=${point}=0.05`])
  await delay(3000)
  await platform.process(name).stop('SIGKILL')
  await comeBack(platform, name)
}

async function restart (platform: Platform, random: Random): Promise<void> {
  const name = random.pick(SERVICES)
  await platform.process(name).stop('SIGTERM')
  await comeBack(platform, name)
}

async function busDown (platform: Platform, random: Random): Promise<void> {
  platform.proxy.harm.down = true
  await delay(2000 + random.below(6000))
  platform.proxy.harm.down = false
}

async function lockDatabase (platform: Platform, random: Random): Promise<void> {
  const service = random.pick(SQLITE)
  const file = join(platform.dir, 'data', service, `${service}.db`)
  if (!existsSync(file)) return
  const database = new DatabaseSync(file, { timeout: 100 })
  try {
    database.exec('BEGIN IMMEDIATE')
    await delay(100 + random.below(4900))
    database.exec('ROLLBACK')
  } catch {
    // The service was faster; the next one is not.
  } finally {
    database.close()
  }
}

async function freeze (platform: Platform, random: Random): Promise<void> {
  const one = platform.process(random.pick(VICTIMS))
  one.pause()
  await delay(500 + random.below(4000))
  one.resume()
}

function harm (kind: 'duplicate' | 'reorder' | 'drop', chance: number): Fault['run'] {
  return async (platform, random) => {
    platform.proxy.harm[kind] = chance
    await delay(3000 + random.below(5000))
    platform.proxy.harm[kind] = 0
  }
}

/** Slower than the saga's patience: it must cancel what may or may not have been paid. */
async function slowPayments (platform: Platform): Promise<void> {
  await platform.process('payments').stop('SIGTERM')
  await comeBack(platform, 'payments', ['--breakwater.payments.slow=7s'])
  await delay(8000)
  await platform.process('payments').stop('SIGTERM')
  await comeBack(platform, 'payments')
}

/** An hour forth or back, and then right again: no deadline may be missed for good, nothing be done twice. */
async function jumpClock (platform: Platform, random: Random): Promise<void> {
  const one = platform.process(random.pick(CLOCKS))
  one.shiftClock(random.next() < 0.5 ? HOUR_MS : -HOUR_MS)
  await delay(1000 + random.below(4000))
  one.shiftClock(0)
}

/** The bus has forgotten what it has seen an hour ago: only the inboxes know. */
async function repeatLate (platform: Platform, random: Random): Promise<void> {
  const bus = platform.process('bus')
  bus.shiftClock(HOUR_MS)
  await platform.proxy.repeat(20 + random.below(40))
  bus.shiftClock(0)
}

async function fillDisk (platform: Platform, random: Random): Promise<void> {
  platform.disk?.fill()
  await delay(1000 + random.below(5000))
  platform.disk?.free()
}

/** Senders of the next version beside readers of this one, and one of them restarts in the middle. */
async function rollOut (platform: Platform, random: Random): Promise<void> {
  platform.proxy.harm.newer = true
  await delay(1000 + random.below(3000))
  await restart(platform, random)
  await delay(1000 + random.below(3000))
  platform.proxy.harm.newer = false
}

/** A message that nobody can read, under an id that the checker knows again. */
async function poison (platform: Platform, random: Random): Promise<void> {
  const queue = `breakwater-${random.pick(['orders', 'inventory', 'payments', 'order-history'])}-in.fifo`
  const id = `poison-${random.below(1e9)}`
  const body = JSON.stringify({ specversion: '1.0', id, type: 'orders.OrderPlaced.v1', subject: id, data: 7 })
  await fetch(`${platform.url('bus')}/queues/${queue}`, { method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ id, dedupe: id, group: id, type: 'orders.OrderPlaced.v1', body }] }) })
    // Killed in the same moment: then there is no poison this time.
    .catch(() => {})
}
