/** Faults of processes: killed, stopped, silent, slow, with a clock that was set. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '@breakwater/messaging/testing'
import { SERVICES, type Platform } from '../platform/platform.ts'
import { comeBack, isSilent, seen } from './fault.ts'

/** Where each service passes on its ordinary way; the order history sends nothing, so nothing of its relay runs. */
const KILL_POINTS: Readonly<Record<string, readonly string[]>> = {
  orders: ['afterCommit', 'beforeAck', 'midBatch', 'beforeRelayMark'],
  inventory: ['beforeAck', 'midBatch', 'beforeRelayMark'],
  payments: ['beforeAck', 'midBatch', 'beforeRelayMark'],
  'order-history': ['beforeAck']
}
const KILL_POINT_MS = 6000
/** Their wall clocks jump; the registry's and the gateway's are tried by their own tests. */
const CLOCKS = [...SERVICES, 'bus']
const HOUR_MS = 3_600_000
const VICTIMS = [...SERVICES, 'bus', 'gateway', 'discovery']
const PARTICIPANTS = ['inventory', 'payments']
/** Beyond the patience that the platform gives its sagas: the first reply, and three resends. */
const SILENT_MS = 8000

export async function kill (platform: Platform, random: Random): Promise<boolean> {
  const name = random.pick(VICTIMS)
  const one = platform.process(name)
  const ended = await one.stop('SIGKILL')
  await delay(random.below(3000))
  await comeBack(platform, name)
  return ended === 'SIGKILL'
}

export async function killPoint (platform: Platform, random: Random): Promise<boolean> {
  const name = random.pick(Object.keys(KILL_POINTS))
  const point = random.pick(KILL_POINTS[name]!)
  const one = platform.process(name)
  await one.stop('SIGTERM')
  await comeBack(platform, name, [`--breakwater.faults=${point}=0.2`])
  const bit = await seen(() => !one.running, KILL_POINT_MS)
  await one.stop('SIGKILL')
  await comeBack(platform, name)
  return bit
}

/** A clean end has a deadline of its own: who is still there then is killed, and that is no clean end. */
export async function restart (platform: Platform, random: Random): Promise<boolean> {
  const name = random.pick(SERVICES)
  const ended = await platform.process(name).stop('SIGTERM')
  await comeBack(platform, name)
  return ended === 'clean'
}

export async function freeze (platform: Platform, random: Random): Promise<boolean> {
  return pause(platform, random.pick(VICTIMS), 500 + random.below(4000))
}

/** Its sagas must ask again, and then undo what they do not know the end of. */
export async function silence (platform: Platform, random: Random): Promise<boolean> {
  return pause(platform, random.pick(PARTICIPANTS), SILENT_MS)
}

async function pause (platform: Platform, name: string, ms: number): Promise<boolean> {
  const one = platform.process(name)
  one.pause()
  const [bit] = await Promise.all([isSilent(one), delay(ms)])
  one.resume()
  return bit
}

/** Slower than the saga's patience: it must cancel what may or may not have been paid. */
export async function slowPayments (platform: Platform): Promise<boolean> {
  await platform.process('payments').stop('SIGTERM')
  await comeBack(platform, 'payments', ['--breakwater.payments.slow=7s'])
  await delay(8000)
  await platform.process('payments').stop('SIGTERM')
  await comeBack(platform, 'payments')
  return true
}

/** An hour forth or back, and then right again: no deadline may be missed for good, nothing be done twice. */
export async function jumpClock (platform: Platform, random: Random): Promise<boolean> {
  const one = platform.process(random.pick(CLOCKS))
  const bit = await one.shiftClock(random.next() < 0.5 ? HOUR_MS : -HOUR_MS)
  await delay(1000 + random.below(4000))
  await one.shiftClock(0)
  return bit
}
