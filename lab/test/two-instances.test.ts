/** Two instances of a service on one PostgreSQL, forty commands at a time: none is refused, lost or done twice. */
import { t, type Test } from 'tap'
import { DEFAULTS, hasCode, Messaging, uuidv7, type Envelope, type MessagingParts, type SqlTx } from '../../messaging/index.ts'
import { openPostgres } from '../../messaging/stores.ts'
import { until } from '../../messaging/test/until.ts'
import { NoteBus, replyTo } from '../../messaging/test/rig.ts'
import { noPostgres, startPostgres } from '../../messaging/test/servers.ts'
import { place } from '../../sample-services/orders/domain/order.ts'
import { SAGA_TIMES } from '../../sample-services/orders/domain/place-order-saga.ts'
import { ORDERS_TABLES, ordersParts } from '../../sample-services/orders/parts.ts'
import { PlaceOrderProcess } from '../../sample-services/orders/place-order-process.ts'
import { readAll } from '../../sample-services/orders/store/event-store.ts'
import { userAccount } from '../../sample-services/payments/domain/payment.ts'
import { PAYMENTS_TABLES, paymentsParts } from '../../sample-services/payments/parts.ts'
import { audit, findAccount, move, openAccount } from '../../sample-services/payments/store/ledger.ts'

const AT_ONCE = 40

type ServiceParts = Pick<MessagingParts<SqlTx>, 'schemas' | 'sagas' | 'subscribe' | 'routes'>

async function twoInstances (t: Test, service: string, tables: string, parts: () => ServiceParts) {
  const server = await startPostgres()
  t.teardown(() => server.stop())
  const fail = (_fields: object, text: string): void => { t.fail(text) }
  const log = { info: () => {}, warn: fail, error: fail }
  const start = async () => {
    const store = await openPostgres({ url: server.url, tables })
    const bus = new NoteBus()
    const messaging = new Messaging<SqlTx>({ service, store, bus, options: DEFAULTS, log, ...parts() })
    await messaging.start()
    t.teardown(async () => {
      await messaging.stop()
      await store.close()
    })
    return { store, bus, messaging }
  }
  return [await start(), await start()] as const
}

async function all (count: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0
  await Promise.all(Array.from({ length: AT_ONCE }, async () => { while (next < count) await work(next++) }))
}

t.setTimeout(240_000)

t.test('orders', { skip: noPostgres }, async t => {
  const processes = [new PlaceOrderProcess(SAGA_TIMES), new PlaceOrderProcess(SAGA_TIMES)]
  let made = 0
  const both = await twoInstances(t, 'orders', ORDERS_TABLES, () => ordersParts(processes[made++]!))
  const [{ store }] = both
  const seen: number[] = []
  let placing = true
  const following = (async () => {
    for (let again = true; again;) {
      again = placing
      for (;;) {
        const events = await readAll(store.read, seen.at(-1) ?? 0, 50)
        seen.push(...events.map(event => event.pos))
        if (events.length === 0) break
      }
    }
  })()
  const ids = Array.from({ length: 200 }, () => uuidv7())
  await all(ids.length, n => both[n % 2]!.messaging.tx((tx, emit) => processes[n % 2]!.begin(tx, emit, ids[n]!,
    place(ids[n]!, { userId: uuidv7(), currency: 'EUR', lines: [{ sku: 'apple', qty: 1, unitPrice: 1 }] }))))
  placing = false
  await following
  const rows = await store.read.all<{ pos: number }>('SELECT pos FROM events ORDER BY pos')
  t.equal(rows.length, ids.length)
  t.same(seen, rows.map(row => row.pos), 'a follower has seen each event once')

  const last = uuidv7()
  const order = (id: string) => place(id, { userId: uuidv7(), currency: 'EUR', lines: [{ sku: 'pear', qty: 1, unitPrice: 1 }] })
  const entered = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  const slow = both[0].messaging.tx(async (tx, emit) => {
    await processes[0]!.begin(tx, emit, last, order(last))
    entered.resolve()
    await end.promise
  })
  await entered.promise
  const later = uuidv7()
  ids.push(last, later)
  await both[1].messaging.tx((tx, emit) => processes[1]!.begin(tx, emit, later, order(later)))
  t.same(await readAll(store.read, seen.at(-1)!, 50), [], 'nobody reads on behind an order that is not committed')
  end.resolve()
  await slow
  t.same((await readAll(store.read, seen.at(-1)!, 50)).map(event => event.stream), [last, later])

  const sent = (type: string): Envelope[] => both.flatMap(one => one.bus.of(type))
  await until(() => sent('inventory.ReserveStock.v1').length === ids.length, 'stock is to be reserved')
  const replies = sent('inventory.ReserveStock.v1').map(command =>
    replyTo(command, 'inventory.StockReserved.v1', { orderId: command.subject, reservationId: uuidv7() }))
  // Each comes twice, to both instances, at about the same time.
  await all(replies.length * 2, n => both[n % 2]!.bus.deliver(replies[n >> 1]!))
  await until(() => sent('payments.CapturePayment.v1').length === ids.length, 'payments are asked for')
  t.match(await store.read.all('SELECT state, count(*) AS n FROM saga GROUP BY state'), [{ state: 'PAYING', n: ids.length }])
  t.match(await store.read.get('SELECT count(*) AS n FROM saga_log WHERE from_state = ?', 'RESERVING'), { n: ids.length })

  // Paid, says a reply at one instance; given up, says an operator at the other one: either, never both.
  const paid = sent('payments.CapturePayment.v1').map(command => replyTo(command, 'payments.PaymentCaptured.v1', { paymentId: uuidv7() }))
  let late = 0
  await all(paid.length * 2, n => n % 2 === 0
    ? both[0].bus.deliver(paid[n >> 1]!)
    : both[1].messaging.sagas!.cancel(paid[n >> 1]!.subject, 'CUSTOMER').catch((error: unknown) => {
      if (!hasCode(error, 'E_SAGA_GOES_ON')) throw error
      late++
    }))
  const left = await store.read.all<{ state: string, n: number }>(
    "SELECT to_state AS state, count(*) AS n FROM saga_log WHERE from_state = 'PAYING' AND to_state <> 'PAYING' GROUP BY to_state")
  const count = (state: string): number => Number(left.find(one => one.state === state)?.n ?? 0)
  t.equal(count('COMMITTING') + count('VOIDING'), paid.length, 'each has left its state once')
  t.equal(count('COMMITTING'), late, 'who was told that it goes on was told the truth')
  await until(() => sent('inventory.CommitStock.v1').length + sent('payments.CancelPayment.v1').length === paid.length,
    'each has asked for one thing')
  t.comment(`${count('COMMITTING')} were paid, ${count('VOIDING')} were given up`)
})

t.test('payments', { skip: noPostgres }, async t => {
  const both = await twoInstances(t, 'payments', PAYMENTS_TABLES, () => paymentsParts())
  const [{ store }] = both
  const users = Array.from({ length: 20 }, () => uuidv7())
  // Deposits of all meet at one account of the house.
  await all(users.length * 4, n => both[n % 2]!.messaging.tx(async tx => {
    const account = userAccount(users[n % users.length]!)
    for (const id of ['world:EUR', account]) await openAccount(tx, id, 'EUR')
    await move(tx, uuidv7(), { from: 'world:EUR', to: account, amount: 250 }, 1)
  }))
  // Each has money for three of four, and each command comes to both instances.
  const captures = users.flatMap(userId => Array.from({ length: 4 }, (): Envelope => {
    const orderId = uuidv7()
    return { specversion: '1.0', id: uuidv7(), source: '/orders', type: 'payments.CapturePayment.v1', subject: orderId,
      time: '2026-03-01T12:00:00.000Z', datacontenttype: 'application/json', aggregatetype: 'saga', aggregateversion: 1,
      data: { orderId, userId, amount: 300, currency: 'EUR' } }
  }))
  await all(captures.length * 2, n => both[n % 2]!.bus.deliver(captures[n >> 1]!))
  for (const userId of users) t.match(await findAccount(store.read, userId), { balance: 100 })
  t.match(await audit(store.read), { sum: 0, crooked: [] })
  t.same((await store.read.all<{ state: string, n: number }>(
    'SELECT state, count(*) AS n FROM payments GROUP BY state ORDER BY state')).map(({ state, n }) => [state, n]),
  [['CAPTURED', 60], ['DECLINED', 20]])
})
