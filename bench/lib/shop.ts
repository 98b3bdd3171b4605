/** A customer with money, a shelf with goods, and orders: what the measurements of the services need. */
import { setTimeout as delay } from 'node:timers/promises'
import { uuidv7 } from '@breakwater/messaging'
import type { Platform } from '../../lab/platform/platform.ts'
import { ask, must } from './json-client.ts'
import type { LoadRequest } from './load.ts'

export interface Shop {
  readonly gateway: string
  readonly userId: string
  /** One that is confirmed. */
  readonly orderId: string
  /** Places an order; resolves with its id when it was accepted. */
  order (): Promise<string>
  /** Resolves when the order is final, whatever it became. */
  final (orderId: string): Promise<void>
  /** Resolves when no saga is open. */
  settle (): Promise<void>
  /** Orders as requests of the load generator, each under a key of its own. */
  orders (count: number): LoadRequest[]
}

export async function openShop (platform: Platform): Promise<Shop> {
  const gateway = platform.url('gateway')
  await untilKnown(gateway)
  const { userId } = await must<{ userId: string }>(gateway, 'POST', '/users',
    { email: `bench-${uuidv7()}@example.com`, name: 'Bench' })
  await must(gateway, 'PUT', '/inventory/apple', { onHand: 1_000_000_000 })
  await must(gateway, 'POST', `/accounts/${userId}/deposits`, { amount: 1_000_000_000_000, currency: 'EUR' })
  const body = { userId, currency: 'EUR', lines: [{ sku: 'apple', qty: 1, unitPrice: 1 }] }
  const order = async () => (await must<{ orderId: string }>(gateway, 'POST', '/orders', body)).orderId
  const final = async (orderId: string): Promise<void> => {
    for (;;) {
      const { status, body } = await ask(gateway, 'GET', `/order-history/${orderId}?minVersion=2&waitMs=2000`)
      // Also when orders answers for a read model that is away: what counts is that it is decided.
      if (status === 200 && body.status !== 'PENDING') return
      await delay(5)
    }
  }
  const settle = async (): Promise<void> => {
    while ((await must(platform.url('orders'), 'GET', '/internal/sagas?limit=1')).open !== 0) await delay(20)
  }
  const orders = (count: number): LoadRequest[] => Array.from({ length: count }, () => ({ method: 'POST', path: '/orders',
    headers: { 'content-type': 'application/json', 'idempotency-key': uuidv7() }, body: JSON.stringify(body) }))
  const orderId = await order()
  await final(orderId)
  return { gateway, userId, orderId, order, final, settle, orders }
}

/** The gateway hears of its services within milliseconds of its own start, and not before. */
async function untilKnown (gateway: string): Promise<void> {
  const paths = ['/users/01a210cb-5f0d-7dad-80e3-ae92ef314987', '/inventory/none', '/payments?orderId=none', '/order-history?limit=1']
  for (const path of paths) while ((await ask(gateway, 'GET', path)).status >= 500) await delay(50)
}
