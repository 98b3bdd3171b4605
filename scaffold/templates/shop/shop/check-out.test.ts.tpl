import { test } from 'node:test'
import { SAGA_TABLES } from '@breakwater/messaging'
import { createWorld, type WorldOptions } from '@breakwater/messaging/testing'
import { routes, TABLES } from '../payments/payments.ts'
import { checkOut } from './check-out.ts'
import { schemas } from './messages.ts'

/** Both services and the bus between them, in this process, under virtual time. */
async function start (options?: WorldOptions) {
  const world = createWorld(options)
  const shop = await world.service('shop', host => ({ store: host.openSqlStore(SAGA_TABLES), schemas, sagas: [checkOut] }))
  const payments = await world.service('payments', host => ({ store: host.openSqlStore(TABLES), schemas, routes }))
  const begin = (cart: string, amount: number) => shop.tx((tx, emit) => checkOut.begin(tx, emit, cart, { amount }))
  return { world, shop, payments, begin }
}

test('a cart is paid, or given up when the money is refused', async () => {
  const { world, begin } = await start()
  await begin('small', 70)
  await begin('large', 700)
  await world.saga('small').reaches({ state: 'PAID' })
  await world.saga('large').reaches({ state: 'GIVEN_UP' })
  world.close()
})

test('payments that are away for long are told to give the money back when they are there again', async () => {
  const { world, payments, begin } = await start()
  await payments.stop()
  await begin('cart', 70)
  await world.after('31s')
  await world.saga('cart').expect({ state: 'PAYING', attempt: 1 })
  await world.after('15s')
  await world.saga('cart').expect({ state: 'VOIDING' })
  await payments.start()
  await world.saga('cart').reaches({ state: 'GIVEN_UP' })
  world.close()
})

test('whatever network, bus and crashes do, each cart comes to an end', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const { world, shop, payments, begin } = await start({ seed, harm: 'rough' })
    for (const cart of ['a', 'b', 'c']) await begin(cart, 70)
    await shop.crash('power cut')
    await payments.crash()
    await world.quiet()
    for (const cart of ['a', 'b', 'c']) await world.saga(cart).reaches({ deadlineAt: null })
    world.close()
  }
})
