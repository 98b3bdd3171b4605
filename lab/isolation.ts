/**
 * What works while what is down: takes one thing away after the other, asks for everything else, brings it back, and
 * waits until all that was accepted has settled. Makes the table of docs/samples.md.
 */
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { waitForQuiet } from './checks/quiet.ts'
import type { Platform } from './platform/platform.ts'

export interface IsolationRow {
  readonly down: string
  /** Operation to what came: a status, with `fallback` where the write side answered for the read model. */
  readonly answers: Readonly<Record<string, string>>
  /** The slowest of them. */
  readonly slowestMs: number
  /** Until nothing was under way any more, once it was back. */
  readonly settledMs: number
  /** What became of the order that was placed meanwhile. */
  readonly order: string
}

interface Outage {
  readonly name: string
  take (platform: Platform): Promise<() => Promise<void>>
}

interface Customer { readonly userId: string, readonly orderId: string }

/** A gateway needs a moment to see that an instance is gone; what it answers until then is no isolation yet. */
const NOTICE_MS = 1500

const OUTAGES: readonly Outage[] = [
  ...['users-1', 'inventory', 'payments', 'order-history', 'orders', 'bus', 'discovery'].map(killed),
  { name: 'users (both)', take: async platform => {
    const back = await Promise.all(['users-1', 'users-2'].map(name => killed(name).take(platform)))
    return async () => { for (const one of back) await one() }
  } },
  { name: 'the database of orders (locked)', take: platform => lock(platform, 'orders') },
  { name: 'the database of payments (locked)', take: platform => lock(platform, 'payments') }
]

/** The platform must be up. */
export async function showIsolation (platform: Platform, onRow: (row: IsolationRow) => void): Promise<void> {
  const customer = await prepare(platform)
  for (const outage of OUTAGES) {
    const giveBack = await outage.take(platform)
    await new Promise(resolve => { setTimeout(resolve, NOTICE_MS) })
    const { answers, slowestMs, placed } = await askAll(platform, customer)
    const started = performance.now()
    await giveBack()
    const moving = await waitForQuiet(platform)
    const settledMs = Math.round(performance.now() - started)
    onRow({ down: outage.name, answers, slowestMs, settledMs,
      order: moving.length > 0 ? `NOT SETTLED: ${moving[0]}` : await outcome(platform, placed) })
  }
}

function killed (name: string): Outage {
  return { name, take: async platform => {
    await platform.process(name).stop('SIGKILL')
    return () => platform.process(name).start()
  } }
}

async function lock (platform: Platform, service: string): Promise<() => Promise<void>> {
  const database = new DatabaseSync(join(platform.dir, 'data', service, `${service}.db`), { timeout: 5000 })
  database.exec('BEGIN IMMEDIATE')
  return async () => {
    database.exec('ROLLBACK')
    database.close()
  }
}

async function prepare (platform: Platform): Promise<Customer> {
  const gateway = platform.url('gateway')
  const { userId } = await call(gateway, 'POST', '/users', { email: 'isolation@example.com', name: 'Isolde' }) as
    { userId: string }
  await call(gateway, 'PUT', '/inventory/apple', { add: 100_000 })
  await call(gateway, 'POST', `/accounts/${userId}/deposits`, { amount: 100_000_000, currency: 'EUR' })
  const { orderId } = await call(gateway, 'POST', '/orders', orderOf(userId)) as { orderId: string }
  await call(gateway, 'GET', `/order-history/${orderId}?minVersion=2&waitMs=2000`)
  return { userId, orderId }
}

function orderOf (userId: string): object {
  return { userId, currency: 'EUR', lines: [{ sku: 'apple', qty: 1, unitPrice: 100 }] }
}

async function askAll (platform: Platform, { userId, orderId }: Customer) {
  const gateway = platform.url('gateway')
  const answers: Record<string, string> = {}
  let slowestMs = 0
  let placed: string | undefined
  const ask = async (name: string, method: string, path: string, body?: object): Promise<void> => {
    const started = performance.now()
    const response = await send(gateway, method, path, body).catch(() => undefined)
    const answer = await response?.json().catch(() => undefined) as { orderId?: string } | undefined
    slowestMs = Math.max(slowestMs, Math.round(performance.now() - started))
    const fallback = response?.headers.get('x-fallback') === 'orders' ? ' fallback' : ''
    answers[name] = response === undefined ? 'none' : `${response.status}${fallback}`
    if (method === 'POST' && response?.status === 202) placed = answer?.orderId
  }
  await ask('read a user', 'GET', `/users/${userId}`)
  await ask('read an order', 'GET', `/order-history/${orderId}`)
  await ask('search orders', 'GET', `/order-history?userId=${userId}`)
  await ask('read stock', 'GET', '/inventory/apple')
  await ask('read an account', 'GET', `/accounts/${userId}`)
  await ask('place an order', 'POST', '/orders', orderOf(userId))
  return { answers, slowestMs, placed }
}

async function outcome (platform: Platform, orderId: string | undefined): Promise<string> {
  if (orderId === undefined) return 'was not accepted'
  const { status } = await call(platform.url('orders'), 'GET', `/orders/${orderId}`) as { status: string }
  return status
}

function send (base: string, method: string, path: string, body?: object): Promise<Response> {
  return fetch(base + path, { method, signal: AbortSignal.timeout(15_000), ...(body === undefined ? {} : {
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', 'idempotency-key': `isolation-${Math.random()}` } }) })
}

async function call (base: string, method: string, path: string, body?: object): Promise<unknown> {
  // The first requests may meet a gateway that has not heard of everybody yet.
  for (let attempt = 1; ; attempt++) {
    const response = await send(base, method, path, body)
    if (response.ok) return response.json()
    if (attempt === 50) throw new Error(`${method} ${path} answered ${response.status}`)
    await new Promise(resolve => { setTimeout(resolve, 200) })
  }
}

/** The table as Markdown. */
export function isolationTable (rows: readonly IsolationRow[]): string {
  const operations = Object.keys(rows[0]?.answers ?? {})
  const head = ['down', ...operations, 'slowest answer', 'settled after', 'the order placed meanwhile']
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(row => line([row.down,
    ...operations.map(name => row.answers[name] ?? ''), `${row.slowestMs} ms`, `${row.settledMs} ms`, row.order]))].join('\n')
}
