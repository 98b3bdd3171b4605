/**
 * `node bench/recovery.ts [--rounds N]`: how long it takes after a SIGKILL until everything works again. Each process
 * is killed and at once started anew, as a supervisor does; the clock runs from the kill.
 *
 *   ready         it says that it is up
 *   answers       the first request that needs it succeeds, through the gateway
 *   orders        an order that was placed after the kill is CONFIRMED
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createRandom } from '@breakwater/messaging/testing'
import { readFlags } from '../scripts/flags.ts'
import { Platform } from '../lab/platform/platform.ts'
import { ask } from './lib/json-client.ts'
import { interleave, median } from './lib/rounds.ts'
import { openShop, type Shop } from './lib/shop.ts'

const values = readFlags(import.meta.filename, { rounds: { type: 'string', default: '5' } })
const LIMIT_MS = 60_000

interface Recovery { readonly readyMs: number, readonly answersMs: number, readonly ordersMs: number }

const dir = mkdtempSync(join(tmpdir(), 'breakwater-recovery-'))
const platform = new Platform(dir, createRandom(1), { measured: true })
try {
  await platform.start()
  const shop = await openShop(platform)
  const works: Readonly<Record<string, () => Promise<boolean>>> = {
    'users-1': () => ok('GET', `/users/${shop.userId}`),
    orders: () => ok('GET', `/orders/${shop.orderId}`),
    inventory: () => ok('GET', '/inventory/apple'),
    payments: () => ok('GET', `/accounts/${shop.userId}`),
    'order-history': () => ok('GET', `/order-history?userId=${shop.userId}&limit=1`),
    bus: async () => await succeeds(ask(platform.url('bus'), 'GET', '/actuator/health')),
    discovery: async () => await succeeds(ask(platform.url('discovery'), 'GET', '/eureka/apps/users')),
    gateway: () => ok('GET', `/users/${shop.userId}`)
  }
  const results = await interleave(new Map(Object.entries(works).map(([name, check]) =>
    [name, () => recover(shop, name, check)])), { rounds: Number(values.rounds) })
  console.log('\n| killed | ready, ms | answers, ms | an order is confirmed, ms |\n|---|---:|---:|---:|')
  for (const [name, rounds] of results) {
    const of = (pick: (round: Recovery) => number): number => Math.round(median(rounds.map(pick)))
    console.log(`| ${name} | ${of(one => one.readyMs)} | ${of(one => one.answersMs)} | ${of(one => one.ordersMs)} |`)
  }
} finally {
  await platform.stop()
  rmSync(dir, { recursive: true, force: true })
}

async function recover (shop: Shop, name: string, check: () => Promise<boolean>): Promise<Recovery> {
  const one = platform.process(name)
  const started = performance.now()
  const elapsed = (): number => performance.now() - started
  await one.stop('SIGKILL')
  const [readyMs, answersMs, ordersMs] = await Promise.all([
    one.start().then(elapsed),
    until(check).then(elapsed),
    orderThrough(shop).then(elapsed)
  ])
  await shop.settle()
  return { readyMs, answersMs, ordersMs }
}

async function orderThrough (shop: Shop): Promise<void> {
  let orderId: string | undefined
  await until(async () => {
    orderId = await shop.order().catch(() => undefined)
    return orderId !== undefined
  })
  await until(() => ask(platform.url('gateway'), 'GET', `/order-history/${orderId}?minVersion=2&waitMs=2000`)
    .then(({ status, body }) => status === 200 && body.status === 'CONFIRMED', () => false))
}

async function until (works: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS
  while (!await works()) {
    if (performance.now() > deadline) throw new Error(`nothing works ${LIMIT_MS} ms after the kill`)
    await delay(5)
  }
}

function ok (method: string, path: string): Promise<boolean> {
  return succeeds(ask(platform.url('gateway'), method, path))
}

async function succeeds (answer: Promise<{ status: number }>): Promise<boolean> {
  return answer.then(({ status }) => status === 200, () => false)
}
