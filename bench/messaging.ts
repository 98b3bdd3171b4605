/**
 * `node bench/messaging.ts [--seconds S] [--rounds N]`: what messaging and the services can carry, each figure the
 * median of interleaved rounds.
 *
 *   outbox        commands with one event each, committed with fsync, one at a time and together
 *   bus           messages through the embedded bus's process: published, received, settled
 *   reads         GET /users/:id and GET /order-history/:id through the gateway
 *   orders        POST /orders accepted per second through the gateway
 *   confirmed     from 202 to CONFIRMED, alone and at 100 orders a second
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { DEFAULTS, embeddedBus, Messaging, openSqlite, Schemas, uuidv7, type Outgoing } from '@breakwater/messaging'
import { Platform } from '../lab/platform/platform.ts'
import { createRandom } from '../lab/random.ts'
import { interleave, median } from './lib/rounds.ts'

const { values } = parseArgs({ options: {
  seconds: { type: 'string', default: '5' }, rounds: { type: 'string', default: '5' }
} })
const seconds = Number(values.seconds)

const SCHEMA = { $id: 'bench.Done.v1', type: 'object', required: ['n'], properties: { n: { type: 'integer' } } }
const JSON_HEADERS = { 'content-type': 'application/json' }

const dir = mkdtempSync(join(tmpdir(), 'breakwater-bench-'))
const platform = new Platform(dir, createRandom(1), { measured: true })
try {
  await platform.start()
  const shop = await openShop(platform)
  const candidates = new Map<string, () => Promise<number>>([
    ['outbox, one command at a time, commands/s', () => outbox(1)],
    ['outbox, 64 at a time, commands/s', () => outbox(64)],
    ['bus, 64 groups, messages/s', () => throughBus()],
    ['GET /users/:id through the gateway, requests/s', () => load(32, () => get(shop.gateway, `/users/${shop.userId}`))],
    ['GET /order-history/:id through the gateway, requests/s',
      () => load(32, () => get(shop.gateway, `/order-history/${shop.orderId}`))],
    ['POST /orders through the gateway, accepted/s', async () => {
      const accepted = await load(32, () => shop.order())
      await shop.settle()
      return accepted
    }],
    ['202 to CONFIRMED alone, p50 ms', async () => percentile(await confirmations(shop, 1), 0.5)],
    ['202 to CONFIRMED at 100 orders/s, p50 ms', async () => percentile(await confirmations(shop, 100), 0.5)],
    ['202 to CONFIRMED at 100 orders/s, p99 ms', async () => percentile(await confirmations(shop, 100), 0.99)]
  ])
  const results = await interleave(candidates, { rounds: Number(values.rounds) })
  console.log('\n| figure | median | all rounds |\n|---|---:|---|')
  for (const [name, all] of results) {
    console.log(`| ${name} | ${Math.round(median(all))} | ${all.map(value => Math.round(value)).join(', ')} |`)
  }
} finally {
  await platform.stop()
  rmSync(dir, { recursive: true, force: true })
}

interface Shop {
  readonly gateway: string
  readonly userId: string
  readonly orderId: string
  order (): Promise<string>
  settle (): Promise<void>
}

async function openShop (on: Platform): Promise<Shop> {
  const gateway = on.url('gateway')
  const { userId } = await post(gateway, '/users', { email: 'bench@example.com', name: 'B' }) as { userId: string }
  await put(gateway, '/inventory/apple', { add: 1_000_000_000 })
  await post(gateway, `/accounts/${userId}/deposits`, { amount: 1_000_000_000_000, currency: 'EUR' })
  const body = { userId, currency: 'EUR', lines: [{ sku: 'apple', qty: 1, unitPrice: 1 }] }
  const order = async () => (await post(gateway, '/orders', body) as { orderId: string }).orderId
  const settle = async () => {
    for (;;) {
      const answer = await get(on.url('orders'), '/internal/sagas') as { open: number }
      if (answer.open === 0) return
      await new Promise(resolve => { setTimeout(resolve, 50) })
    }
  }
  const orderId = await order()
  await settle()
  return { gateway, userId, orderId, order, settle }
}

/** How often `call` was done in the time, by so many at once. */
async function load (clients: number, call: () => Promise<unknown>): Promise<number> {
  const end = performance.now() + seconds * 1000
  let done = 0
  await Promise.all(Array.from({ length: clients }, async () => {
    while (performance.now() < end) {
      await call()
      done++
    }
  }))
  return done / seconds
}

async function outbox (clients: number): Promise<number> {
  const folder = mkdtempSync(join(dir, 'outbox-'))
  const store = openSqlite({ file: join(folder, 'bench.db'), tables: '' })
  const messaging = new Messaging({ service: 'bench', store, schemas: new Schemas([SCHEMA]), options: DEFAULTS,
    bus: embeddedBus({ url: 'http://127.0.0.1:1' }), log: { info: () => {}, warn: () => {}, error: () => {} } })
  const rate = await load(clients, () => messaging.tx((_tx, emit) => emit.event({ type: 'bench.Done.v1', subject: 'a',
    aggregateType: 'bench', aggregateVersion: 1, data: { n: 1 } })))
  await messaging.stop()
  await store.close()
  return rate
}

async function throughBus (): Promise<number> {
  const bus = embeddedBus({ url: platform.url('bus') })
  const queue = `bench-${uuidv7()}-in.fifo`
  let received = 0
  bus.consume(queue, async () => { received++ }, { lanes: 64 })
  const end = performance.now() + seconds * 1000
  let sent = 0
  while (performance.now() < end) {
    // No more than a second's worth ahead: the rate of the slower end is what counts.
    if (sent - received > 2000) await new Promise(resolve => { setTimeout(resolve, 5) })
    else {
      await bus.send(queue, Array.from({ length: 100 }, (): Outgoing => ({ ...message(sent++) })))
    }
  }
  const rate = received / seconds
  await bus.close()
  return rate
}

function message (n: number): Outgoing {
  const id = uuidv7()
  return { id, dedupe: id, group: `g${n % 64}`, type: 'bench.Done.v1', body: JSON.stringify({ id, data: { n } }) }
}

/** Milliseconds from the answer 202 to CONFIRMED in the read model, of orders that start at a steady rate. */
async function confirmations (shop: Shop, perSecond: number): Promise<number[]> {
  const times: number[] = []
  const running: Array<Promise<void>> = []
  const end = performance.now() + seconds * 1000
  for (let next = performance.now(); next < end; next += 1000 / perSecond) {
    await new Promise(resolve => { setTimeout(resolve, Math.max(0, next - performance.now())) })
    running.push(shop.order().then(async orderId => {
      const accepted = performance.now()
      await get(shop.gateway, `/order-history/${orderId}?minVersion=2&waitMs=2000`)
      times.push(performance.now() - accepted)
    }))
  }
  await Promise.all(running)
  return times
}

function percentile (times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

async function get (base: string, path: string): Promise<unknown> {
  return answerOf(await fetch(base + path))
}

async function post (base: string, path: string, body: object): Promise<unknown> {
  return answerOf(await fetch(base + path, { method: 'POST', body: JSON.stringify(body),
    headers: { ...JSON_HEADERS, 'idempotency-key': uuidv7() } }))
}

async function put (base: string, path: string, body: object): Promise<unknown> {
  return answerOf(await fetch(base + path, { method: 'PUT', body: JSON.stringify(body), headers: JSON_HEADERS }))
}

async function answerOf (response: Response): Promise<unknown> {
  const answer = await response.json()
  if (!response.ok) throw new Error(`${response.url} answered ${response.status} ${JSON.stringify(answer)}`)
  return answer
}
