/**
 * `node bench/messaging.ts [--seconds S] [--rounds N]`: what messaging and the services can carry, each figure the
 * median of interleaved rounds. The services run as in production, each commit flushed; the load comes from processes
 * of their own that cost next to nothing (wrk for reads where it is installed).
 *
 *   outbox        commands with one event each, one at a time and together
 *   bus           messages through the embedded bus's process: published, received, settled
 *   reads         GET /users/:id and GET /order-history/:id through the gateway
 *   orders        POST /orders through the gateway: accepted per second, and seen through to the end per second
 *   confirmed     from 202 to CONFIRMED in the read model, alone and at 100 orders a second
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DEFAULTS, embeddedBus, Messaging, openSqlite, Schemas, uuidv7, type Outgoing } from '@breakwater/messaging'
import { createRandom } from '@breakwater/messaging/testing'
import { readFlags } from '../scripts/flags.ts'
import { Platform } from '../lab/platform/platform.ts'
import { measure } from './gateway/load.ts'
import { isInstalled } from './gateway/processes.ts'
import { runLoad } from './lib/load.ts'
import { interleave, median } from './lib/rounds.ts'
import { openShop, type Shop } from './lib/shop.ts'

const values = readFlags(import.meta.filename, {
  seconds: { type: 'string', default: '5' }, rounds: { type: 'string', default: '5' }
})
const seconds = Number(values.seconds)
/** More than two cores can accept: the time ends a round, not the list. */
const MAX_PER_SECOND = 5000
const CONNECTIONS = 64

type Figures = Readonly<Record<string, number>>

const SCHEMA = { $id: 'bench.Done.v1', type: 'object', required: ['n'], properties: { n: { type: 'integer' } } }

const dir = mkdtempSync(join(tmpdir(), 'breakwater-bench-'))
const platform = new Platform(dir, createRandom(1), { measured: true })
try {
  await platform.start()
  const shop = await openShop(platform)
  const results = await interleave(new Map<string, () => Promise<Figures>>([
    ['outbox, one command at a time', async () => ({ 'commands/s': await outbox(1) })],
    ['outbox, 64 at a time', async () => ({ 'commands/s': await outbox(64) })],
    ['bus, 64 groups', async () => ({ 'messages/s': await throughBus() })],
    ['GET /users/:id', () => reads(`/users/${shop.userId}`)],
    ['GET /order-history/:id', () => reads(`/order-history/${shop.orderId}`)],
    ['POST /orders', () => orders(shop)],
    ['202 to CONFIRMED, alone', () => confirmations(shop, 2)],
    ['202 to CONFIRMED, 100 orders/s', () => confirmations(shop, 100)]
  ]), { rounds: Number(values.rounds) })
  print(results)
} finally {
  await platform.stop()
  rmSync(dir, { recursive: true, force: true })
}

function print (results: ReadonlyMap<string, readonly Figures[]>): void {
  console.log('\n| what | figure | median | all rounds |\n|---|---|---:|---|')
  for (const [what, rounds] of results) {
    for (const figure of Object.keys(rounds[0] ?? {})) {
      const all = rounds.map(round => round[figure] ?? Number.NaN)
      console.log(`| ${what} | ${figure} | ${show(median(all))} | ${all.map(show).join(', ')} |`)
    }
  }
}

function show (value: number): string {
  return value < 100 ? value.toFixed(1) : String(Math.round(value))
}

async function outbox (clients: number): Promise<number> {
  const folder = mkdtempSync(join(dir, 'outbox-'))
  const store = openSqlite({ file: join(folder, 'bench.db'), tables: '' })
  const messaging = new Messaging({ service: 'bench', store, schemas: new Schemas([SCHEMA]), options: DEFAULTS,
    bus: embeddedBus({ url: 'http://127.0.0.1:1' }), log: { info: () => {}, warn: () => {}, error: () => {} } })
  const end = performance.now() + seconds * 1000
  let done = 0
  await Promise.all(Array.from({ length: clients }, async () => {
    for (; performance.now() < end; done++) {
      await messaging.tx((_tx, emit) => emit.event({ type: 'bench.Done.v1', subject: 'a', aggregateType: 'bench',
        aggregateVersion: 1, data: { n: 1 } }))
    }
  }))
  await messaging.stop()
  await store.close()
  return done / seconds
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
    if (sent - received > 2000) await delay(5)
    else await bus.send(queue, Array.from({ length: 100 }, () => message(sent++)))
  }
  const rate = received / seconds
  await bus.close()
  return rate
}

function message (n: number): Outgoing {
  const id = uuidv7()
  return { id, dedupe: id, group: `g${n % 64}`, type: 'bench.Done.v1', body: JSON.stringify({ id, data: { n } }) }
}

async function reads (path: string): Promise<Figures> {
  const url = new URL(platform.url('gateway'))
  if (isInstalled('wrk')) {
    const idle = { pid: 0, port: Number(url.port), cpuMs: () => 0, rssBytes: () => 0, stop: async () => {} }
    const round = await measure(idle, { port: idle.port, path, connections: CONNECTIONS, threads: 1, seconds, cores: '0,1' })
    return { 'requests/s': round.perSecond, 'p50 ms': round.p50Ms, 'p99 ms': round.p99Ms, errors: round.errors }
  }
  const { count, errors, seconds: took, p50Ms, p99Ms } = await runLoad({ url: url.href, connections: CONNECTIONS,
    seconds, requests: [{ method: 'GET', path }] })
  return { 'requests/s': count / took, 'p50 ms': p50Ms, 'p99 ms': p99Ms, errors }
}

async function orders (shop: Shop): Promise<Figures> {
  const started = performance.now()
  const { count, errors, seconds: took, p50Ms, p99Ms } = await runLoad({ url: shop.gateway, connections: CONNECTIONS,
    seconds, once: true, requests: shop.orders(seconds * MAX_PER_SECOND) })
  await shop.settle()
  const accepted = count - errors
  return { 'accepted/s': accepted / took, 'seen through/s': accepted / (performance.now() - started) * 1000,
    'p50 ms': p50Ms, 'p99 ms': p99Ms, errors }
}

/** Of orders that start at a steady rate, whatever becomes of those before. */
async function confirmations (shop: Shop, perSecond: number): Promise<Figures> {
  const times: number[] = []
  const running: Array<Promise<void>> = []
  const end = performance.now() + seconds * 1000
  for (let next = performance.now(); next < end; next += 1000 / perSecond) {
    await delay(Math.max(0, next - performance.now()))
    running.push(shop.order().then(async orderId => {
      const accepted = performance.now()
      await shop.final(orderId)
      times.push(performance.now() - accepted)
    }))
  }
  await Promise.all(running)
  times.sort((a, b) => a - b)
  const quantile = (share: number): number => times[Math.floor((times.length - 1) * share)] ?? Number.NaN
  return { 'p50 ms': quantile(0.5), 'p99 ms': quantile(0.99) }
}
