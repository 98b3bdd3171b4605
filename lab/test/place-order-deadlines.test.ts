/** The order of a customer whose payment nobody answers, on each relational store, with a clock that the test moves. */
import { t, type Test } from 'tap'
import { openSqlite, SAGA_TABLES, uuidv7, type Envelope, type SqlStore } from '../../messaging/index.ts'
import { openPostgres } from '../../messaging/stores.ts'
import { until } from '../../messaging/test/until.ts'
import { replyTo, rig } from '../../messaging/test/rig.ts'
import { noPostgres, startPostgres } from '../../messaging/test/servers.ts'
import { place } from '../../sample-services/orders/domain/order.ts'
import { SAGA_TIMES } from '../../sample-services/orders/domain/place-order-saga.ts'
import { MESSAGES } from '../../sample-services/orders/messages.ts'
import { PlaceOrderProcess } from '../../sample-services/orders/place-order-process.ts'
import { EVENT_TABLES } from '../../sample-services/orders/store/event-store.ts'

const TABLES = EVENT_TABLES + SAGA_TABLES

async function silentPayments (t: Test, open: (dir: string) => Promise<SqlStore>): Promise<void> {
  const process = new PlaceOrderProcess(SAGA_TIMES)
  const store = await open(t.testdir())
  t.teardown(() => store.close())
  const { messaging, bus, clock, lines } = await rig(t, { service: 'orders', schemas: [...MESSAGES], store,
    sagas: [process.sagas] })
  await messaging.start()
  const orderId = uuidv7()
  const order = place(orderId, { userId: uuidv7(), currency: 'EUR', lines: [{ sku: 'apple', qty: 1, unitPrice: 1 }] })
  const sagaId = await messaging.tx((tx, emit) => process.begin(tx, emit, orderId, order))
  await until(() => bus.of('inventory.ReserveStock.v1').length === 1, 'stock is to be reserved')
  await bus.deliver(replyTo(bus.of('inventory.ReserveStock.v1')[0]!, 'inventory.StockReserved.v1',
    { orderId, reservationId: uuidv7() }))
  // By their dedupe ids: a relay whose mark is undone sends a row again, and every bus swallows that.
  const captures = () => [...new Map(bus.sent.filter(({ type }) => type === 'payments.CapturePayment.v1')
    .map(({ dedupe, body }) => [dedupe, JSON.parse(body) as Envelope])).values()]
  const reaches = async (condition: () => boolean, what: string) => {
    await until(async () => {
      if (!condition()) await clock.advance(250)
      return condition()
    }, what)
  }
  await reaches(() => captures().length === 1, 'the payment is asked for')
  const { deadlineAt, movedAt } = await messaging.sagas!.find(sagaId)
  t.equal(deadlineAt! - movedAt, 30_000, 'the reply is waited for')
  await reaches(() => captures().length === 2, 'asked again')
  t.ok(clock.now() >= deadlineAt!, 'not before that time')
  await reaches(() => captures().length === 3, 'and again')
  await reaches(() => captures().length === 4, 'a third time')
  await reaches(() => bus.of('payments.CancelPayment.v1').length === 1, 'then cancelled')
  t.equal(captures().length, 4, 'and not asked a fourth')
  t.equal(new Set(captures().map(command => command.id)).size, 1, 'as the same message')
  t.match(await messaging.sagas!.find(sagaId), { state: 'VOIDING', attempt: 0, failures: 0 })
  await bus.deliver(replyTo(bus.of('payments.CancelPayment.v1')[0]!, 'payments.PaymentVoided.v1', { orderId, amount: 1 }))
  await reaches(() => bus.of('inventory.ReleaseStock.v1').length === 1, 'the stock is released')
  await bus.deliver(replyTo(bus.of('inventory.ReleaseStock.v1')[0]!, 'inventory.StockReleased.v1',
    { orderId, released: true }))
  t.match(await messaging.sagas!.find(sagaId), { state: 'ABORTED', deadlineAt: null })
  await reaches(() => bus.of('orders.OrderCancelled.v1').length === 1, 'the order is told to be cancelled')
  t.match(bus.of('orders.OrderCancelled.v1'), [{ data: { reason: 'TIMEOUT' } }])
  t.same(lines, [], 'nothing failed in the background')
}

t.test('payments that are silent are asked again three times, then undone: sqlite', t =>
  silentPayments(t, async dir => openSqlite({ file: `${dir}/orders.db`, tables: TABLES, synchronous: 'normal' })))

t.test('payments that are silent are asked again three times, then undone: PostgreSQL', { skip: noPostgres }, async t => {
  const server = await startPostgres()
  t.teardown(() => server.stop())
  await silentPayments(t, () => openPostgres({ url: server.url, tables: TABLES }))
})
