/** Waits until nothing is under way: outboxes empty, queues empty, no saga open. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Platform } from '../platform/platform.ts'

const MAX_MS = 120_000
const QUIET_LOOKS = 3
const OUTBOXES = ['orders', 'inventory', 'payments', 'order-history'] as const

/** Resolves with what still moves when the time is up; empty means quiet. */
export async function waitForQuiet (platform: Platform): Promise<string[]> {
  const deadline = Date.now() + MAX_MS
  let quiet = 0
  for (;;) {
    await platform.revive()
    const moving = await whatMoves(platform).catch((error: unknown) => [String(error)])
    quiet = moving.length === 0 ? quiet + 1 : 0
    // Several looks: between two of them a message may have been in nobody's hands.
    if (quiet === QUIET_LOOKS) return []
    if (Date.now() > deadline) return moving
    await delay(400)
  }
}

async function whatMoves (platform: Platform): Promise<string[]> {
  const moving: string[] = []
  for (const name of OUTBOXES) {
    const { waiting } = await ask<{ waiting: number }>(`${platform.url(name)}/internal/outbox`)
    if (waiting > 0) moving.push(`${name}: ${waiting} in the outbox`)
  }
  if (await usersWaiting(platform) !== 0) moving.push('users: something in the outbox, or nobody owns it')
  const { items } = await ask<{ items: Array<{ queue: string, waiting: number, inFlight: number }> }>(
    `${platform.url('bus')}/queues`)
  for (const { queue, waiting, inFlight } of items) {
    if (waiting + inFlight > 0) moving.push(`${queue}: ${waiting} waiting, ${inFlight} in flight`)
  }
  const { open } = await ask<{ open: number }>(`${platform.url('orders')}/internal/sagas`)
  if (open > 0) moving.push(`${open} sagas open`)
  return moving
}

/** The owner knows; the other instance has no outbox and says so. Undefined while nobody is the owner. */
async function usersWaiting (platform: Platform): Promise<number | undefined> {
  const asked = await Promise.allSettled(['users-1', 'users-2'].map(name =>
    ask<{ waiting: number }>(`${platform.url(name)}/internal/outbox`)))
  return asked.find(one => one.status === 'fulfilled')?.value.waiting
}

async function ask<Answer> (url: string): Promise<Answer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5000) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return await response.json() as Answer
}
