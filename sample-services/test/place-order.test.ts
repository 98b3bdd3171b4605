/**
 * The PlaceOrder saga with its real participants, under virtual time: when an order can be cancelled, why it ends, and
 * that it ends whatever a participant is sent.
 */
import { t, type Test } from 'tap'
import { uuidv7, type Envelope, type KeyValueTx, type SqlTx } from '../../messaging/index.ts'
import { createWorld, type HttpAnswer, type Service, type TestWorld } from '../../messaging/testing/index.ts'
import { inventory, orders, payments, users } from './definitions.ts'

interface Line { sku: string, qty: number, unitPrice: number }

class Shop {
  readonly world: TestWorld
  readonly orders: Service<SqlTx>
  readonly inventory: Service<KeyValueTx>
  readonly payments: Service<SqlTx>
  readonly users: Service<SqlTx>
  #keys = 0

  constructor (world: TestWorld, services: Pick<Shop, 'orders' | 'inventory' | 'payments' | 'users'>) {
    this.world = world
    this.orders = services.orders
    this.inventory = services.inventory
    this.payments = services.payments
    this.users = services.users
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

  async balance (userId: string): Promise<unknown> {
    return (await this.payments.ask({ method: 'GET', path: `/accounts/${userId}` })).body.balance
  }
}

async function shop (t: Test): Promise<Shop> {
  const world = createWorld({ seed: 1 })
  t.teardown(() => { world.close() })
  const made = new Shop(world, {
    users: await world.service('users', users), orders: await world.service('orders', orders()),
    inventory: await world.service('inventory', inventory), payments: await world.service('payments', payments())
  })
  await made.command(made.inventory, '/inventory/apple', { add: 100 }, 'PUT')
  return made
}

t.test('an order is confirmed, and paid and taken once', async t => {
  const made = await shop(t)
  const ann = await made.customer(1000)
  const { body: { orderId } } = await made.place(ann, [{ sku: 'apple', qty: 3, unitPrice: 100 }])
  t.equal(await made.ended(orderId), 'CONFIRMED')
  t.match(await made.stock(), { onHand: 97, reserved: 0 })
  t.equal(await made.balance(ann), 700)
})

t.test('why an order is not paid', async t => {
  const made = await shop(t)
  const suspended = await made.customer(1000)
  await made.command(made.users, `/users/${suspended}/suspend`)
  await made.world.after('1s')
  t.match((await made.place(suspended)).body, { status: 422, code: 'USER_SUSPENDED' })
  await made.command(made.users, `/users/${suspended}/reactivate`)

  const cases: Array<[why: string, userId: string, currency: string, unitPrice: number, expected: string]> = [
    ['one too little', await made.customer(99), 'EUR', 100, 'INSUFFICIENT_FUNDS'], ['no account', await made.user(), 'EUR', 100, 'NO_ACCOUNT'],
    ['dollars from euros', await made.customer(1000), 'USD', 100, 'NO_ACCOUNT'], ['no account, for nothing', await made.user(), 'EUR', 0, 'NO_ACCOUNT'],
    ['enough', await made.customer(100), 'EUR', 100, ''], ['dollars', await made.customer(100, 'USD'), 'USD', 100, ''],
    ['for nothing', await made.customer(1), 'EUR', 0, ''], ['active again', suspended, 'EUR', 100, '']
  ]
  for (const [why, userId, currency, unitPrice, expected] of cases) {
    const { body: { orderId } } = await made.place(userId, [{ sku: 'apple', qty: 1, unitPrice }], currency)
    t.equal(await made.ended(orderId), expected === '' ? 'CONFIRMED' : 'PAYMENT_DECLINED', why)
    const { body } = await made.payments.ask({ method: 'GET', path: `/payments?orderId=${String(orderId)}` })
    t.match(body.items, [expected === '' ? { state: 'CAPTURED', currency } : { state: 'DECLINED', reason: expected }], why)
  }
  t.match(await made.stock(), { onHand: 96, reserved: 0 })
})

t.test('a user who is suspended between the order and its payment does not pay', async t => {
  const made = await shop(t)
  const ann = await made.customer(1000)
  await made.inventory.stop()
  const { body: { orderId } } = await made.place(ann)
  await made.command(made.users, `/users/${ann}/suspend`)
  await made.world.after('1s')
  await made.inventory.start()
  t.equal(await made.ended(orderId), 'PAYMENT_DECLINED')
  t.match(await made.payments.ask({ method: 'GET', path: `/payments?orderId=${String(orderId)}` }),
    { body: { items: [{ state: 'DECLINED', reason: 'ACCOUNT_FROZEN' }] } })
  t.equal(await made.balance(ann), 1000)
  t.match(await made.stock(), { onHand: 100, reserved: 0 })
})

t.test('when an order can be cancelled, and what it is told to have ended for', async t => {
  await t.test('while stock is reserved', async t => {
    const made = await shop(t)
    const ann = await made.customer(1000)
    await made.inventory.stop()
    const { body: { orderId } } = await made.place(ann)
    t.match(await made.cancel(orderId), { status: 202, body: { status: 'PENDING' } })
    t.match(await made.cancel(orderId), { status: 202 }, 'twice')
    await made.inventory.start()
    t.equal(await made.ended(orderId), 'CUSTOMER')
    t.match(await made.cancel(orderId), { status: 202, body: { status: 'CANCELLED' } }, 'and when it is cancelled')
  })
  await t.test('while stock is reserved, by an inventory that never answers', async t => {
    const made = await shop(t)
    const ann = await made.customer(1000)
    const found = made.world.lose(message => message.type.startsWith('inventory.StockReserved'))
    const { body: { orderId } } = await made.place(ann)
    await made.cancel(orderId)
    t.equal(await made.ended(orderId), 'CUSTOMER')
    found()
    t.match(await made.stock(), { onHand: 100, reserved: 0 })
  })
  await t.test('while it is paid', async t => {
    const made = await shop(t)
    const ann = await made.customer(1000)
    const found = made.world.lose(message => message.type.startsWith('payments.PaymentCaptured'))
    const { body: { orderId } } = await made.place(ann)
    await made.world.saga(String(orderId)).reaches({ state: 'PAYING' })
    await made.world.after('5s')
    t.match(await made.cancel(orderId), { status: 202 })
    t.match(await made.cancel(orderId), { status: 202 }, 'also while it is undone')
    t.equal(await made.ended(orderId), 'CUSTOMER')
    found()
    t.equal(await made.balance(ann), 1000, 'the money is back')
    t.match(await made.stock(), { onHand: 100, reserved: 0 })
  })
  await t.test('while it is undone for another reason: that reason stays', async t => {
    const made = await shop(t)
    const ann = await made.customer(1)
    const found = made.world.lose(message => message.type.startsWith('inventory.StockReleased'))
    const { body: { orderId } } = await made.place(ann)
    await made.world.saga(String(orderId)).reaches({ state: 'RELEASING' })
    t.match(await made.cancel(orderId), { status: 202, body: { status: 'PENDING' } })
    found()
    t.equal(await made.ended(orderId), 'PAYMENT_DECLINED')
  })
  await t.test('not once it is paid, and not when it is confirmed', async t => {
    const made = await shop(t)
    const ann = await made.customer(1000)
    const found = made.world.lose(message => message.type.startsWith('inventory.StockCommitted'))
    const { body: { orderId } } = await made.place(ann)
    await made.world.saga(String(orderId)).reaches({ state: 'COMMITTING' })
    t.match(await made.cancel(orderId), { status: 409, body: { code: 'ORDER_CONFIRMED' } })
    await made.world.after('10m')
    await made.world.saga(String(orderId)).expect({ state: 'COMMITTING' })
    found()
    t.equal(await made.ended(orderId), 'CONFIRMED')
    t.match(await made.cancel(orderId), { status: 409, body: { code: 'ORDER_CONFIRMED' } })
  })
})

/** A command from elsewhere: of an older version, or of somebody who is wrong. */
function foreign (type: string, data: Record<string, unknown>, orderId: string): Envelope {
  return { specversion: '1.0', id: uuidv7(), source: '/elsewhere', type, subject: orderId, time: '2026-03-01T12:00:00.000Z',
    datacontenttype: 'application/json', aggregatetype: 'saga', aggregateversion: 1, data }
}

t.test('what a participant refuses by its schema is a dead letter with the reason, and the saga ends', async t => {
  const made = await shop(t)
  const ann = await made.customer(1000)
  const beyond = [
    ['payments', 'payments.CapturePayment.v1', /amount: must be <= 9007199254740991/], ['inventory', 'inventory.ReserveStock.v1', /qty: must be <= 1000000/]
  ] as const
  for (const [service, type, why] of beyond) {
    const { world } = made
    // As an older version of orders has accepted it.
    const placed = await made.place(ann)
    const orderId = String(placed.body.orderId)
    await made.orders.tx(async (_tx, emit) => {
      const data = service === 'payments'
        ? { orderId, userId: ann, amount: 2 ** 60, currency: 'EUR' }
        : { orderId, lines: [{ sku: 'apple', qty: 2 ** 60 }] }
      await emit.resend(foreign(type, data, orderId), 'x')
    })
    t.equal(await made.ended(orderId), 'CONFIRMED', 'the next ones of its group are handled')
    t.match(await world.deadLetters(service), [{ type, error: why }])
  }
})

t.test('an order that was accepted with a sum beyond all whole numbers is undone', async t => {
  const made = await shop(t)
  const ann = await made.customer(1000)
  await made.inventory.stop()
  const { body: { orderId } } = await made.place(ann)
  await made.orders.tx(async tx => {
    const row = await tx.get<{ data: string }>('SELECT data FROM saga WHERE subject = ?', String(orderId))
    const data = { ...JSON.parse(row!.data) as object, total: 2 ** 60 }
    await tx.run('UPDATE saga SET data = ? WHERE subject = ?', JSON.stringify(data), String(orderId))
  })
  await made.inventory.start()
  t.equal(await made.ended(orderId), 'TIMEOUT')
  t.match(await made.stock(), { onHand: 100, reserved: 0 })
  t.equal(await made.balance(ann), 1000)
})

t.test('what inventory leaves to a person', async t => {
  const made = await shop(t)
  const ann = await made.customer(1000)
  const { body } = await made.place(ann)
  const orderId = String(body.orderId)
  t.equal(await made.ended(orderId), 'CONFIRMED')
  const unknown = uuidv7()
  await made.orders.tx(async (_tx, emit) => {
    await emit.resend(foreign('inventory.ReleaseStock.v1', { orderId }, orderId), 'x')
    await emit.resend(foreign('inventory.CommitStock.v1', { orderId: unknown }, unknown), 'x')
  })
  await made.world.after('1s')
  const letters = await made.world.deadLetters('inventory')
  t.match(letters.map(({ type, error }) => `${type} ${error}`).toSorted(), [
    /CommitStock.*nothing is reserved for order .* \(never was\)/, /ReleaseStock.*the stock of order .* is committed, not released/])
  t.match(await made.stock(), { onHand: 99, reserved: 0 })
})

t.test('fifty lines are an order, fifty-one are none', async t => {
  const made = await shop(t)
  const ann = await made.customer(1000)
  const lines = Array.from({ length: 51 }, (_, n): Line => ({ sku: `s${n}`, qty: 1, unitPrice: 1 }))
  for (const { sku } of lines) await made.command(made.inventory, `/inventory/${sku}`, { onHand: 1 }, 'PUT')
  t.equal((await made.place(ann, lines)).status, 400)
  const { body: { orderId } } = await made.place(ann, lines.slice(0, 50))
  t.equal(await made.ended(orderId), 'CONFIRMED')
  t.equal(await made.balance(ann), 950)
})
