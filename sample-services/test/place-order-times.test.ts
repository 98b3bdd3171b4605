/** The PlaceOrder saga and time: participants that stay away, and everything that goes wrong at once. */
import { t } from 'tap'
import { createRandom } from '../../messaging/testing/index.ts'
import { shop } from './shop.ts'

t.test('payments that stay away are asked four times, and a capture that comes late is refused', async t => {
  const made = await shop(t)
  const ann = await made.customer(1000)
  await made.payments.stop()
  const { body: { orderId } } = await made.place(ann)
  const id = String(orderId)
  await made.world.after('29500ms')
  await made.world.saga(id).expect({ state: 'PAYING', attempt: 0 })
  await made.world.after('1s')
  await made.world.saga(id).expect({ state: 'PAYING', attempt: 1 })
  await made.world.after('8s')
  await made.world.saga(id).expect({ state: 'VOIDING' })
  t.equal(made.world.messages('payments.CapturePayment.v1').length, 4)
  await made.payments.start()
  t.equal(await made.ended(orderId), 'TIMEOUT')
  await made.world.quiet()
  t.match(await made.document(orderId), { status: 'CANCELLED', reason: 'TIMEOUT', version: 2 })
  t.equal(await made.balance(ann), 1000)
  t.match(await made.stock(), { onHand: 100, reserved: 0 })
})

t.test('an inventory that stays away is asked four times, and a reservation that comes late is refused', async t => {
  const made = await shop(t)
  const ann = await made.customer(1000)
  await made.inventory.stop()
  const { body: { orderId } } = await made.place(ann)
  await made.world.after('40s')
  await made.world.saga(String(orderId)).expect({ state: 'RELEASING' })
  t.equal(made.world.messages('inventory.ReserveStock.v1').length, 4)
  await made.inventory.start()
  t.equal(await made.ended(orderId), 'TIMEOUT')
  t.match(await made.stock(), { onHand: 100, reserved: 0 })
})

t.test('whoever is asked for ever is called stuck after five minutes, and goes on when there is an answer', async t => {
  const made = await shop(t)
  const ann = await made.customer(1000)
  const found = made.world.lose(message => message.type === 'inventory.CommitStock.v1')
  const { body: { orderId } } = await made.place(ann)
  const saga = made.world.saga(String(orderId))
  await saga.reaches({ state: 'COMMITTING' })
  await made.world.after('299s')
  await saga.expect({ state: 'COMMITTING', stuck: false })
  await made.world.after('2s')
  await saga.expect({ state: 'COMMITTING', stuck: true })
  found()
  await saga.reaches({ state: 'DONE', stuck: false })
})

t.test('whatever network, bus and crashes do, orders end and the sums are right', async t => {
  for (let seed = 1; seed <= 3; seed++) {
    const made = await shop(t, { seed })
    const ann = await made.customer(1000)
    await made.world.quiet()
    made.world.harm('rough')
    const random = createRandom(seed)
    const ids: string[] = []
    while (ids.length < 3) {
      // An answer may be lost: then there may be an order of which nobody here knows.
      const answer = await made.place(ann).catch(() => undefined)
      if (answer !== undefined) ids.push(String(answer.body.orderId))
      await made.world.after(random.below(200))
      await random.pick([made.orders, made.payments, made.inventory, made.history]).crash(random.pick(['kill', 'power cut']))
    }
    await made.world.after('2m')
    made.world.harm('calm')
    await made.world.quiet()
    const placed = made.world.messages('orders.OrderPlaced.v1').map(({ subject }) => subject)
    const confirmed = new Set(made.world.messages('orders.OrderConfirmed.v1').map(({ subject }) => subject))
    for (const id of new Set([...placed, ...ids])) {
      await made.world.saga(id).expect({ state: confirmed.has(id) ? 'DONE' : 'ABORTED' })
      t.match(await made.document(id), { status: confirmed.has(id) ? 'CONFIRMED' : 'CANCELLED' })
    }
    t.equal(await made.balance(ann), 1000 - 100 * confirmed.size, `money, seed ${seed}`)
    t.match(await made.stock(), { onHand: 100 - confirmed.size, reserved: 0 }, `stock, seed ${seed}`)
  }
})
