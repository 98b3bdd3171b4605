/** What customers and operators do. */
import { must } from './customers.ts'
import { kind, type Kinds } from './kind.ts'
import { readOrder } from './reader.ts'
import type { Stage } from './stage.ts'

export const USERS = 3
const SKUS = ['apple', 'pear', 'last-one'] as const
const MONEY = [100_000, 100_000, 400] as const
const STOCK = { apple: 1000, pear: 1000, 'last-one': 4 } as const
const CURRENCY = 'EUR'

/** Users with money, one of them poor; shelves with goods, one of them nearly empty. */
export function prepare (stage: Stage): void {
  for (const sku of SKUS) addStock(stage, sku, STOCK[sku])
  for (const [n, amount] of MONEY.entries()) {
    must(stage, { kind: 'register', service: 'users', method: 'POST', path: '/users',
      body: { email: `user-${n}@example.com`, name: `User ${n}` },
      onAnswer: ({ body }) => {
        stage.users.push(String(body.userId))
        deposit(stage, String(body.userId), amount)
      } })
  }
}

function addStock (stage: Stage, sku: string, add: number): void {
  must(stage, { kind: 'stock', service: 'inventory', method: 'PUT', path: `/inventory/${sku}`, body: { add } })
}

function deposit (stage: Stage, user: string, amount: number): void {
  must(stage, { kind: 'deposit', service: 'payments', method: 'POST', path: `/accounts/${user}/deposits`,
    body: { amount, currency: CURRENCY } })
}

/** One of those that there are by now, by a number that was planned before. */
function one<Item> (items: readonly Item[], n: number, use: (item: Item) => void): void {
  if (items.length > 0) use(items[n % items.length]!)
}

export const ACTIONS: Kinds = {
  order: kind(0, random => ({
    user: random.below(USERS),
    lines: [...new Set([random.pick(SKUS), random.chance(0.1) ? 'nowhere' : random.pick(SKUS)])]
      .map(sku => ({ sku, qty: 1 + random.below(3), unitPrice: 100 }))
  }), (stage, { user, lines }) => {
    one(stage.users, user, userId => {
      must(stage, { kind: 'order', service: 'orders', method: 'POST', path: '/orders',
        body: { userId, currency: CURRENCY, lines },
        onAnswer: ({ status, body }) => { if (status === 202) stage.orders.push(String(body.orderId)) } })
    })
  }),
  cancel: kind(4, random => ({ order: random.below(20) }), (stage, { order }) => {
    one(stage.orders.toReversed(), order, id => {
      must(stage, { kind: 'cancel', service: 'orders', method: 'POST', path: `/orders/${id}/cancel`, body: {} })
    })
  }),
  'more stock': kind(1, random => ({ sku: random.pick(SKUS) }), (stage, { sku }) => { addStock(stage, sku, 2) }),
  'more money': kind(1, random => ({ user: random.below(USERS) }), (stage, { user }) => {
    one(stage.users, user, userId => { deposit(stage, userId, 50) })
  }),
  'suspend or reactivate': kind(1, random => ({ user: random.below(USERS), to: random.pick(['suspend', 'reactivate']) }),
    (stage, { user, to }) => {
      one(stage.users, user, userId => {
        must(stage, { kind: 'register', service: 'users', method: 'POST', path: `/users/${userId}/${to}`, body: {} })
      })
    }),
  read: kind(4, random => ({ order: random.below(20), minVersion: 1 + random.below(2), waitMs: random.below(2000) }),
    (stage, { order, minVersion, waitMs }) => {
      one(stage.orders, order, id => { readOrder(stage, id, minVersion, waitMs) })
    }),
  'rebuild the read model': kind(1, () => ({}), stage => {
    operate(stage, 'order-history', '/internal/projections/orders/rebuild', {})
  }),
  'send dead letters again': kind(1, random => ({ service: random.pick(['orders', 'inventory', 'payments', 'order-history']) }),
    (stage, { service }) => { operate(stage, service as 'orders', '/internal/dlq/all/redrive', {}) }),
  'resend a saga': kind(1, random => ({ order: random.below(20) }), (stage, { order }) => {
    one(stage.orders, order, id => { operate(stage, 'orders', `/internal/sagas/${id}/resend`, {}) })
  }),
  'cancel a saga': kind(1, random => ({ order: random.below(20) }), (stage, { order }) => {
    one(stage.orders, order, id => { operate(stage, 'orders', `/internal/sagas/${id}/cancel`, { reason: 'CUSTOMER' }) })
  })
}

/** Operators try once. */
function operate (stage: Stage, service: 'orders' | 'order-history', path: string, body: object): void {
  stage.ask(service, { method: 'POST', path, body }, 5000).then(({ status }) => {
    stage.count(`operator: ${path.replace(/[0-9a-f-]{36}/, ':id')} ${status}`)
  }, () => { stage.count('operator: no answer') })
}
