/** Faults of the bus and of what travels on it. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '@breakwater/messaging/testing'
import type { Harm } from '../platform/bus-proxy.ts'
import type { Platform } from '../platform/platform.ts'
import type { Fault } from './fault.ts'
import { restart } from './processes.ts'

const HOUR_MS = 3_600_000

export async function busDown (platform: Platform, random: Random): Promise<boolean> {
  const { proxy } = platform
  const before = proxy.done.refused
  proxy.harm.down = true
  await delay(2000 + random.below(6000))
  proxy.harm.down = false
  return proxy.done.refused > before
}

/** A machine that is busy with other things delivers little: then a harm waits so much longer for something to harm. */
const LONGER_S = 10

/** Deliveries are harmed with a chance for some seconds. */
export function harm (kind: 'duplicate' | 'reorder' | 'drop' | 'lose', chance: number): Fault['run'] {
  const done = { duplicate: 'duplicated', reorder: 'reordered', drop: 'dropped', lose: 'lost' } as const
  return async ({ proxy }, random) => {
    const before = proxy.done[done[kind]]
    proxy.harm[kind satisfies keyof Harm] = chance
    const hasBitten = () => proxy.done[done[kind]] > before
    await delay(3000 + random.below(5000))
    for (let second = 0; second < LONGER_S && !hasBitten(); second++) await delay(1000)
    proxy.harm[kind] = 0
    return hasBitten()
  }
}

/** The bus has forgotten what it has seen an hour ago: only the inboxes know. */
export async function repeatLate (platform: Platform, random: Random): Promise<boolean> {
  const bus = platform.process('bus')
  const jumped = await bus.shiftClock(HOUR_MS)
  const repeated = await platform.proxy.repeat(20 + random.below(40))
  await bus.shiftClock(0)
  return jumped && repeated > 0
}

/** Senders of the next version beside readers of this one, and one of them restarts in the middle. */
export async function rollOut (platform: Platform, random: Random): Promise<boolean> {
  const before = platform.proxy.done.changed
  platform.proxy.harm.newer = true
  await delay(1000 + random.below(3000))
  await restart(platform, random)
  await delay(1000 + random.below(3000))
  platform.proxy.harm.newer = false
  return platform.proxy.done.changed > before
}

/** A message that nobody can read, under an id that the checker knows again: it must become a dead letter. */
export async function poison (platform: Platform, random: Random): Promise<boolean> {
  const queue = `breakwater-${random.pick(['orders', 'inventory', 'payments', 'order-history'])}-in.fifo`
  const id = `poison-${random.below(1e9)}`
  const body = JSON.stringify({ specversion: '1.0', id, type: 'orders.OrderPlaced.v1', subject: id, data: 7 })
  return fetch(`${platform.url('bus')}/queues/${queue}`, { method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: [{ id, dedupe: id, group: id, type: 'orders.OrderPlaced.v1', body }] }) })
    .then(async response => {
      await response.body?.cancel()
      if (response.ok) platform.proxy.poisoned.add(id)
      return response.ok
    // Killed in the same moment: then there may be poison, or not.
    }, () => false)
}
