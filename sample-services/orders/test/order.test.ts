/** An order: what is refused, what it comes to, and what its events make of it. */
import { t } from 'tap'
import { evolve, place, type Order, type OrderEvent, type OrderLine } from '../domain/order.ts'

const max = Number.MAX_SAFE_INTEGER
const line = (sku: string, qty = 1, unitPrice = 1): OrderLine => ({ sku, qty, unitPrice })
const placed = (...lines: OrderLine[]) => place('o', { userId: 'u', currency: 'EUR', lines })
const total = (...lines: OrderLine[]): unknown => (placed(...lines).data as { total?: number }).total

t.test('the sum of its lines, exact or refused', async t => {
  t.equal(total(line('a', 2, 3), line('b', 5, 7)), 41)
  t.equal(total(line('a', 5, 0)), 0, 'for nothing')
  const largest = line('l', 1_000_000, 1_000_000_000)
  const rest = max - 9 * 10 ** 15
  const nine = Array.from({ length: 9 }, (_, n) => ({ ...largest, sku: `l${n}` }))
  t.equal(total(...nine, line('x', 1, 999_999_999), line('y', 1, rest - 999_999_999)), max, 'the last that is exact')
  t.throws(() => placed(...nine, line('x', 1, 999_999_999), line('y', 1, rest - 999_999_999), line('z')), { code: 'TOTAL_TOO_LARGE', statusCode: 400 })
  t.throws(() => placed(line('z'), ...nine, line('x', 1, rest)), { code: 'TOTAL_TOO_LARGE' }, 'in whatever order')
  t.throws(() => placed(...nine, largest), { code: 'TOTAL_TOO_LARGE' })
  t.throws(() => placed(...Array.from({ length: 50 }, (_, n) => ({ ...largest, sku: `l${n}` }))), { code: 'TOTAL_TOO_LARGE' })
})

t.test('an article has one line; nothing but what is known is kept of it', async t => {
  t.throws(() => placed(line('a'), line('b'), line('a')), { code: 'SKU_TWICE', statusCode: 400, message: /article a/ })
  t.equal(total(...Array.from({ length: 50 }, (_, n) => line(`a${n}`))), 50)
  t.same(placed({ ...line('a'), more: 1 } as OrderLine).data, { orderId: 'o', userId: 'u', currency: 'EUR', total: 1, lines: [line('a')] })
})

t.test('each event is a version', async t => {
  const events: OrderEvent[] = [placed(line('a')), { type: 'orders.OrderConfirmed.v1', data: { orderId: 'o', paymentId: 'p' } }]
  const fold = (all: OrderEvent[]) => all.reduce<Order | undefined>(evolve, undefined)
  t.same(fold(events.slice(0, 1)), { orderId: 'o', status: 'PENDING', version: 1 })
  t.same(fold(events), { orderId: 'o', status: 'CONFIRMED', version: 2 })
  t.same(fold([events[0]!, { type: 'orders.OrderCancelled.v1', data: { orderId: 'o', reason: 'CUSTOMER' } }]), { orderId: 'o', status: 'CANCELLED', version: 2 })
})
