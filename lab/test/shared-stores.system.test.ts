/** The services as in production: four on PostgreSQL, each in a database of its own, and inventory on Redis. */
import { t } from 'tap'
import { createRandom } from '@breakwater/messaging/testing'
import { readOnly } from '../../messaging/test/postgres-bed.ts'
import { until } from '../../messaging/test/until.ts'
import { Platform } from '../platform/platform.ts'
import { noSharedServers, startSharedServers } from '../platform/shared-servers.ts'

interface Answer { status: number, body: Record<string, unknown> }

t.test('the services on PostgreSQL and Redis', { skip: noSharedServers }, async t => {
  const servers = await startSharedServers()
  const { postgres, redis } = servers
  const platform = new Platform(t.testdir(), createRandom(1), { measured: true, servers })
  t.teardown(async () => {
    await platform.stop()
    await servers.stop()
  })
  await platform.start()

  const ask = async (service: string, method: string, path: string, body?: object, key = path): Promise<Answer> => {
    const response = await fetch(platform.url(service) + path, { method, signal: AbortSignal.timeout(20_000),
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json', 'idempotency-key': key } }) })
    return { status: response.status, body: await response.json() as Answer['body'] }
  }
  const { body: { userId } } = await ask('users-1', 'POST', '/users', { email: 'shared@example.com', name: 'S' })
  await ask('inventory', 'PUT', '/inventory/apple', { add: 10 })
  await ask('payments', 'POST', `/accounts/${String(userId)}/deposits`, { amount: 1000, currency: 'EUR' })
  const order = { userId, currency: 'EUR', lines: [{ sku: 'apple', qty: 1, unitPrice: 10 }] }
  const place = (key: string) => ask('orders', 'POST', '/orders', order, key)
  const confirmed = (answer: Answer) => until(async () => {
    const path = `/order-history/${String(answer.body.orderId)}?minVersion=2&waitMs=2000`
    return (await ask('order-history', 'GET', path)).body.status === 'CONFIRMED'
  }, 'the order is confirmed')

  await t.test('each says what it keeps its data in', async t => {
    for (const [service, kind] of [['orders', /^postgres 127/], ['inventory', /^redis redis/]] as const) {
      const { body } = await ask(service, 'GET', '/actuator/health')
      t.match(body, { components: { store: { status: 'UP', details: { store: kind } } } })
    }
  })

  await t.test('operators see sagas, outboxes, projections and dead letters there, too', async t => {
    for (const path of ['/internal/sagas', '/internal/sagas?stuck=true', '/internal/outbox', '/internal/inbox', '/internal/dlq']) {
      t.match(await ask('orders', 'GET', path), { status: 200 }, path)
    }
    t.match(await ask('order-history', 'GET', '/internal/projections'), { status: 200 })
  })

  await t.test('an order goes its whole way; both instances of users know the user', async t => {
    const placed = await place('first')
    t.equal(placed.status, 202)
    await confirmed(placed)
    t.match(await ask('inventory', 'GET', '/inventory/apple'), { body: { onHand: 9, reserved: 0 } })
    t.match(await ask('payments', 'GET', `/accounts/${String(userId)}`), { body: { balance: 990 } })
    for (const instance of ['users-1', 'users-2']) {
      t.match(await ask(instance, 'GET', `/users/${String(userId)}`), { status: 200, body: { status: 'ACTIVE' } })
    }
  })

  await t.test('PostgreSQL dies: "not now", and afterwards the same key is one order', async t => {
    await postgres.kill()
    t.match(await place('second'), { status: 503, body: { code: 'E_STORE_DOWN' } })
    await postgres.start()
    let placed = await place('second')
    await until(async () => {
      if (placed.status !== 202) placed = await place('second')
      return placed.status === 202
    }, 'orders takes orders again')
    t.equal((await place('second')).body.orderId, placed.body.orderId)
    await confirmed(placed)
  })

  await t.test('PostgreSQL becomes read-only under payments: "not now", and the order waits for it', async t => {
    const writable = await readOnly(new URL('/payments', postgres.url).href)
    const deposit = () => ask('payments', 'POST', `/accounts/${String(userId)}/deposits`, { amount: 1, currency: 'EUR' }, 'late')
    for (let n = 0; n < 5; n++) t.match(await deposit(), { status: 503, body: { code: 'E_STORE_READ_ONLY' } })
    t.match(await ask('payments', 'GET', '/actuator/health'), { body: { components: { store: { status: 'DOWN' } } } })
    t.match(await ask('payments', 'GET', `/accounts/${String(userId)}`), { body: { balance: 980 } })
    const placed = await place('read-only')
    await until(async () => ((await ask('payments', 'GET', '/internal/queue')).body.inFlight as number) > 0,
      'the payment is being tried')
    await writable()
    await confirmed(placed)
    t.match(await deposit(), { status: 201, body: { balance: 971 } })
    t.match(await ask('payments', 'GET', '/internal/dlq'), { body: { items: [] } })
  })

  await t.test('Redis dies in the middle: the order waits for it', async t => {
    await redis.kill()
    const placed = await place('third')
    t.equal(placed.status, 202)
    t.match(await ask('orders', 'GET', `/orders/${String(placed.body.orderId)}`), { body: { status: 'PENDING' } })
    await redis.start()
    await confirmed(placed)
    t.match(await ask('inventory', 'GET', '/inventory/apple'), { body: { onHand: 6, reserved: 0 } })
    t.match(await ask('inventory', 'GET', '/internal/dlq'), { body: { items: [] } })
  })
})
