/** The five services as processes, without a gateway: what their HTTP APIs promise. */
import { t } from 'tap'
import { createRandom } from '@breakwater/messaging/testing'
import { until } from '../../messaging/test/until.ts'
import { Platform } from '../platform/platform.ts'

interface Answer { status: number, headers: Headers, body: Record<string, unknown> }

t.test('the HTTP APIs', async t => {
  // With the deadlines of production: on a busy machine an order may take longer than the lab gives it.
  const platform = new Platform(t.testdir(), createRandom(1), { measured: true })
  t.teardown(() => platform.stop())
  await platform.start()
  let keys = 0
  const ask = async (service: string, method: string, path: string, body?: object,
    headers: Record<string, string> = {}): Promise<Answer> => {
    const response = await fetch(platform.url(service) + path, { method, headers: { 'idempotency-key': `k${++keys}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    const text = await response.text()
    return { status: response.status, headers: response.headers,
      body: text === '' ? {} : JSON.parse(text) as Record<string, unknown> }
  }
  const register = async (email: string) =>
    String((await ask('users-1', 'POST', '/users', { email, name: 'Ann' })).body.userId)
  const order = (userId: string, qty = 1, sku = 'apple') =>
    ({ userId, currency: 'EUR', lines: [{ sku, qty, unitPrice: 100 }] })
  const ended = async (orderId: unknown) => {
    let answer: Answer | undefined
    await until(async () => {
      answer = await ask('order-history', 'GET', `/order-history/${String(orderId)}?minVersion=2&waitMs=2000`)
      return answer.status !== 504
    }, 'the order to end')
    return answer?.body
  }

  await t.test('users: register, read, suspend, by any instance', async t => {
    const made = await ask('users-2', 'POST', '/users', { email: 'Ann@Example.com', name: 'Ann' }, { 'idempotency-key': 'one' })
    t.equal(made.status, 201)
    const path = `/users/${String(made.body.userId)}`
    const again = await ask('users-1', 'POST', '/users', { email: 'Ann@Example.com', name: 'Ann' }, { 'idempotency-key': 'one' })
    t.same([again.status, again.headers.get('idempotency-replayed'), again.body], [201, 'true', made.body])
    for (const instance of ['users-1', 'users-2']) {
      const read = await ask(instance, 'GET', path)
      t.match(read, { status: 200, body: { email: 'ann@example.com', status: 'ACTIVE', version: 1 } })
      t.equal((await ask(instance, 'GET', path, undefined, { 'if-none-match': '"1"' })).status, 304)
    }
    t.match(await ask('users-2', 'POST', '/users', { email: 'ann@example.COM', name: 'B' }),
      { status: 409, body: { code: 'EMAIL_TAKEN' } })
    t.match(await ask('users-2', 'POST', `${path}/suspend`, { reason: 'x' }, { 'if-match': '"9"' }), { status: 412 })
    t.match(await ask('users-2', 'POST', `${path}/suspend`, { reason: 'x' }, { 'if-match': '"1"' }),
      { status: 200, body: { status: 'SUSPENDED', version: 2 } })
    t.match(await ask('users-1', 'GET', '/users/01a210cb-5f0d-7dad-80e3-ae92ef314987'), { status: 404, body: { code: 'USER_NOT_FOUND' } })
    t.match(await ask('users-1', 'POST', '/users', { email: 'no', name: '' }), { status: 400 })
  })

  await t.test('orders: accepted, then confirmed; or cancelled for the reason there is', async t => {
    const userId = await register('buyer@example.com')
    await ask('inventory', 'PUT', '/inventory/apple', { add: 10 })
    await ask('payments', 'POST', `/accounts/${userId}/deposits`, { amount: 250, currency: 'EUR' })
    const placed = await ask('orders', 'POST', '/orders', order(userId))
    t.match(placed, { status: 202, body: { status: 'PENDING' } })
    t.equal(placed.headers.get('location'), `/order-history/${String(placed.body.orderId)}`)
    t.match(await ended(placed.body.orderId), { status: 'CONFIRMED', total: 100, version: 2 })
    const reasons: Array<[object, string]> = [[order(userId, 9), 'PAYMENT_DECLINED'], [order(userId, 50), 'OUT_OF_STOCK'],
      [order(userId, 1, 'nowhere'), 'UNKNOWN_SKU']]
    for (const [body, reason] of reasons) {
      t.match(await ended((await ask('orders', 'POST', '/orders', body)).body.orderId), { status: 'CANCELLED', reason })
    }
    t.match(await ask('inventory', 'GET', '/inventory/apple'),
      { status: 200, body: { onHand: 9, reserved: 0, available: 9 } })
    t.match(await ask('payments', 'GET', `/accounts/${userId}`), { status: 200, body: { balance: 150, frozen: false } })
    t.match(await ask('payments', 'GET', `/payments?orderId=${String(placed.body.orderId)}`),
      { body: { items: [{ state: 'CAPTURED', amount: 100 }] } })
    t.match(await ask('orders', 'POST', `/orders/${String(placed.body.orderId)}/cancel`, {}),
      { status: 409, body: { code: 'ORDER_CONFIRMED' } })
    const page = await ask('order-history', 'GET', `/order-history?userId=${userId}&limit=3`)
    t.equal((page.body.items as unknown[]).length, 3)
    const rest = await ask('order-history', 'GET', `/order-history?userId=${userId}&limit=3&cursor=${String(page.body.nextCursor)}`)
    t.match(rest.body, { nextCursor: null })
    t.equal((rest.body.items as unknown[]).length, 1)
  })

  await t.test('orders: what is refused', async t => {
    const userId = await register('refused@example.com')
    const nobody = '01a210cb-5f0d-7dad-80e3-ae92ef314987'
    t.match(await ask('orders', 'POST', '/orders', order(nobody)), { status: 422, body: { code: 'USER_UNKNOWN' } })
    t.match(await ask('orders', 'POST', '/orders', { ...order(userId), lines: [] }), { status: 400 })
    t.match(await ask('orders', 'POST', '/orders', { ...order(userId), lines: [
      { sku: 'a', qty: 1, unitPrice: 1 }, { sku: 'a', qty: 1, unitPrice: 1 }] }), { status: 400, body: { code: 'SKU_TWICE' } })
    await ask('users-1', 'POST', `/users/${userId}/suspend`, {})
    // Told by an event: an order in the same moment may still go through.
    await until(async () => (await ask('orders', 'POST', '/orders', order(userId))).status === 422, 'orders has heard of it')
    t.match(await ask('orders', 'POST', '/orders', order(userId)), { status: 422, body: { code: 'USER_SUSPENDED' } })
    t.match(await ask('orders', 'POST', '/orders', order(userId), { 'idempotency-key': '' }),
      { status: 400, body: { code: 'E_KEY_MISSING' } })
    t.match(await ask('orders', 'POST', `/orders/${nobody}/cancel`, {}), { status: 404 })
    t.match(await ask('order-history', 'GET', `/order-history/${nobody}?minVersion=1&waitMs=20`),
      { status: 504, body: { code: 'READ_MODEL_BEHIND' } })
    t.match(await ask('order-history', 'GET', '/order-history?cursor=%00'), { status: 400 })
    t.match(await ask('inventory', 'PUT', '/inventory/apple', { add: 1, onHand: 1 }), { status: 400 })
    t.match(await ask('payments', 'GET', `/accounts/${nobody}`), { status: 404, body: { code: 'ACCOUNT_NOT_FOUND' } })
  })

  await t.test('each shows its OpenAPI page and what an operator needs', async t => {
    for (const service of ['users-1', 'orders', 'inventory', 'payments', 'order-history']) {
      const { body } = await ask(service, 'GET', '/docs/json')
      t.ok(Object.keys(body.paths as object).length > 0, service)
      t.match(await ask(service, 'GET', '/internal/outbox'), { status: 200, body: { busUp: true } })
      t.match(await ask(service, 'GET', '/internal/dlq'), { status: 200, body: { items: [] } })
    }
    t.match(await ask('order-history', 'POST', '/internal/projections/orders/rebuild'), { status: 202 })
    t.match(await ask('payments', 'GET', '/internal/audit'), { body: { sum: 0, crooked: [] } })
  })

  await t.test('the order history is away: its stand-in answers under the same conditions', async t => {
    const userId = await register('waits@example.com')
    const behind = (orderId: string, query: string, headers = {}) => ask('gateway', 'GET', `/order-history/${orderId}?${query}`, undefined, headers)
    await Promise.all(['order-history', 'payments'].map(name => platform.process(name).stop('SIGKILL')))
    const placed = await ask('orders', 'POST', '/orders', order(userId))
    const orderId = String(placed.body.orderId)
    const stands = { status: 200, body: { orderId, status: 'PENDING', version: 1 } }
    const first = await behind(orderId, '')
    t.match(first, stands)
    t.equal(first.headers.get('x-fallback'), 'orders')
    t.match(await behind(orderId, 'minVersion=1'), stands)
    for (const version of [2, 99]) {
      t.match(await behind(orderId, `minVersion=${version}&waitMs=100`), { status: 504, body: { code: 'READ_MODEL_BEHIND' } })
    }
    t.equal((await behind(orderId, 'minVersion=none')).status, 400)
    const etag = first.headers.get('etag')!
    t.equal((await behind(orderId, '', { 'if-none-match': etag })).status, 304)
    t.equal((await behind(orderId, '', { 'if-none-match': '"1"' })).status, 200, 'the history\'s document is another one')
    t.equal((await ask('gateway', 'POST', `/order-history/${orderId}`, {})).status, 404)
    const waiting = behind(orderId, 'minVersion=2&waitMs=2000')
    t.equal((await ask('orders', 'POST', `/orders/${orderId}/cancel`, {})).status, 202)
    await waiting
    await Promise.all(['order-history', 'payments'].map(name => platform.process(name).start()))
    await until(async () => (await behind(orderId, 'minVersion=2&waitMs=2000')).status === 200, 'the order has ended')
    await until(async () => (await behind(orderId, '')).headers.get('x-fallback') === null, 'the history answers again')
    const known = await ask('order-history', 'GET', `/order-history/${orderId}?minVersion=2&waitMs=2000`)
    t.match(known, { status: 200, body: { status: 'CANCELLED', version: 2 } })
    t.not(known.headers.get('etag'), etag)
    t.equal((await ask('order-history', 'GET', `/order-history/${orderId}`, undefined, { 'if-none-match': known.headers.get('etag')! })).status, 304)
    t.match(await ask('orders', 'GET', `/orders/${orderId}?minVersion=2`, undefined, { 'if-none-match': known.headers.get('etag')! }),
      { status: 200, body: { status: 'CANCELLED', version: 2 } }, 'no tag of one is the other\'s')
  })

  await t.test('users: the owner dies, a replica reads on and takes the writes over', async t => {
    const userId = await register('stays@example.com')
    t.equal((await ask('users-2', 'GET', `/users/${userId}`)).status, 200)
    await platform.process('users-1').stop('SIGKILL')
    t.equal((await ask('users-2', 'GET', `/users/${userId}`)).status, 200)
    let made: Answer
    const deadline = Date.now() + 30_000
    do {
      made = await ask('users-2', 'POST', '/users', { email: 'after@example.com', name: 'A' }, { 'idempotency-key': 'after' })
      if (made.status !== 201) t.equal(made.status, 503)
    } while (made.status !== 201 && Date.now() < deadline)
    t.equal(made.status, 201)
    await platform.process('users-1').start()
    t.equal((await ask('users-1', 'GET', `/users/${String(made.body.userId)}`)).status, 200)
  })
})
