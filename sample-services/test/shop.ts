/** All samples in one world, for tests of what they do together. */
import type { Test } from 'tap'
import { uuidv7, type KeyValueTx, type SqlTx } from '../../messaging/index.ts'
import {
  createWorld, type HttpAnswer, type Service, type TestWorld, type WorldOptions
} from '../../messaging/testing/index.ts'
import { inventory, orderHistory, orders, payments, users } from './definitions.ts'

export interface Line { sku: string, qty: number, unitPrice: number }

export class Shop {
  readonly world: TestWorld
  readonly orders: Service<SqlTx>
  readonly inventory: Service<KeyValueTx>
  readonly payments: Service<SqlTx>
  readonly users: Service<SqlTx>
  readonly history: Service<SqlTx>
  #keys = 0

  constructor (world: TestWorld, services: Pick<Shop, 'orders' | 'inventory' | 'payments' | 'users' | 'history'>) {
    this.world = world
    this.orders = services.orders
    this.inventory = services.inventory
    this.payments = services.payments
    this.users = services.users
    this.history = services.history
  }

  command (service: Pick<Service<SqlTx>, 'ask'>, path: string, body: object = {}, method = 'POST'): Promise<HttpAnswer> {
    return service.ask({ method, path, body, headers: { 'idempotency-key': `k${++this.#keys}` } })
  }

  /** A user with an account. */
  async customer (amount: number, currency = 'EUR'): Promise<string> {
    const userId = await this.user()
    await this.command(this.payments, `/accounts/${userId}/deposits`, { amount, currency })
    return userId
  }

  async user (): Promise<string> {
    const { body } = await this.command(this.users, '/users', { email: `${uuidv7()}@example.org`, name: 'Ann' })
    return String(body.userId)
  }

  place (userId: string, lines: Line[] = [{ sku: 'apple', qty: 1, unitPrice: 100 }], currency = 'EUR'): Promise<HttpAnswer> {
    return this.command(this.orders, '/orders', { userId, currency, lines })
  }

  cancel (orderId: unknown): Promise<HttpAnswer> {
    return this.command(this.orders, `/orders/${String(orderId)}/cancel`)
  }

  /** Lets the order end; for which reason it did. */
  async ended (orderId: unknown): Promise<string> {
    const look = async () => (await this.orders.ask({ method: 'GET', path: `/orders/${String(orderId)}` })).body
    for (let n = 0; n < 100 && (await look()).status === 'PENDING'; n++) await this.world.after(n < 10 ? '100ms' : '5s')
    await this.world.after('1s')
    const body = await look()
    const [cancelled] = this.world.messages('orders.OrderCancelled.v1').filter(message => message.subject === orderId)
    return body.status === 'CANCELLED' ? String(cancelled?.data.reason) : String(body.status)
  }

  async stock (sku = 'apple'): Promise<Record<string, unknown>> {
    return { ...(await this.inventory.ask({ method: 'GET', path: `/inventory/${sku}` })).body }
  }

  /** What the read model says. */
  async document (orderId: unknown): Promise<Readonly<Record<string, unknown>>> {
    return (await this.history.ask({ method: 'GET', path: `/order-history/${String(orderId)}` })).body
  }

  async balance (userId: string): Promise<unknown> {
    return (await this.payments.ask({ method: 'GET', path: `/accounts/${userId}` })).body.balance
  }
}

/** A hundred apples, and nobody yet to order them. */
export async function shop (t: Test, options: WorldOptions = {}): Promise<Shop> {
  const world = createWorld(options)
  t.teardown(() => { world.close() })
  const made = new Shop(world, {
    users: await world.service('users', users), orders: await world.service('orders', orders()),
    inventory: await world.service('inventory', inventory), payments: await world.service('payments', payments()),
    history: await world.service('order-history', orderHistory())
  })
  await made.command(made.inventory, '/inventory/apple', { add: 100 }, 'PUT')
  return made
}
