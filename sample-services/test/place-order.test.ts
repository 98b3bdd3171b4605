/**
 * The PlaceOrder saga with its real participants, under virtual time: when an order can be cancelled, why it ends, and
 * that it ends whatever a participant is sent.
 */
import { t } from 'tap'
import { uuidv7, type Envelope } from '../../messaging/index.ts'
import { shop, type Line } from './shop.ts'

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
