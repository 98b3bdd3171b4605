/** The whole table: each state with each input, each deadline up to one past the last, and the reason for each end. */
import { t } from 'tap'
import type { SagaInput, SagaStep, SagaView } from '../../../messaging/index.ts'
import { decide, placeOrderSaga, SAGA_TIMES, type PlaceOrder } from '../domain/place-order-saga.ts'

const data: PlaceOrder = { orderId: 'o', userId: 'u', currency: 'EUR', total: 6, lines: [{ sku: 's', qty: 2 }], paymentId: 'p' }
const view = (state: string, more: Partial<SagaView<PlaceOrder>> = {}): SagaView<PlaceOrder> =>
  ({ state, data, attempt: 0, cancelReason: undefined, ...more })
const reply = (type: string, more: Record<string, unknown> = {}): SagaInput => ({ kind: 'reply', type, data: more })
const TIMEOUT: SagaInput = { kind: 'timeout' }
const CANCEL: SagaInput = { kind: 'cancel', reason: 'CUSTOMER' }

/** What comes next, in a line: the state, what is sent, why, and what is told. */
function next (step: SagaStep<PlaceOrder> | undefined): string {
  if (step === undefined) return 'nothing'
  const parts = [step.to, step.resend === true ? 'again' : '', step.send === undefined ? '' : JSON.stringify(step.send),
    step.cancelReason ?? '', step.event === undefined ? '' : `${step.event.type.split('.')[1]} ${JSON.stringify(step.event.data)}`]
  return parts.filter(part => part !== '').join(' ')
}

const REPLIES = ['inventory.StockReserved.v1', 'inventory.StockRejected.v1', 'inventory.StockReleased.v1', 'inventory.StockCommitted.v1',
  'payments.PaymentCaptured.v1', 'payments.PaymentDeclined.v1', 'payments.PaymentVoided.v1', 'payments.PaymentRefunded.v1']
const STATES = ['NEW', 'RESERVING', 'PAYING', 'COMMITTING', 'VOIDING', 'RELEASING', 'DONE', 'ABORTED']
const order = '{"orderId":"o"}'
/** What means something; every other pair means nothing. */
const TABLE: Record<string, Record<string, string>> = {
  NEW: { start: 'RESERVING {"orderId":"o","lines":[{"sku":"s","qty":2}]}' },
  RESERVING: {
    start: 'RESERVING {"orderId":"o","lines":[{"sku":"s","qty":2}]}',
    'inventory.StockReserved.v1': 'PAYING {"orderId":"o","userId":"u","amount":6,"currency":"EUR"}',
    'inventory.StockRejected.v1': 'ABORTED OrderCancelled {"reason":"OUT_OF_STOCK"}',
    timeout: 'RESERVING again', cancel: 'RESERVING CUSTOMER'
  },
  PAYING: {
    'payments.PaymentCaptured.v1': `COMMITTING ${order}`,
    'payments.PaymentDeclined.v1': `RELEASING ${order} PAYMENT_DECLINED`,
    timeout: 'PAYING again', cancel: `VOIDING ${order} CUSTOMER`
  },
  COMMITTING: { 'inventory.StockCommitted.v1': 'DONE OrderConfirmed {"orderId":"o","paymentId":"p"}', timeout: 'COMMITTING again' },
  VOIDING: {
    'payments.PaymentVoided.v1': `RELEASING ${order} TIMEOUT`, 'payments.PaymentRefunded.v1': `RELEASING ${order} TIMEOUT`,
    timeout: 'VOIDING again'
  },
  RELEASING: { 'inventory.StockReleased.v1': 'ABORTED OrderCancelled {"reason":"TIMEOUT"}', timeout: 'RELEASING again' },
  DONE: {},
  ABORTED: {}
}

t.test('each state with each input', async t => {
  for (const state of STATES) {
    const inputs: Array<[string, SagaInput]> = [['timeout', TIMEOUT], ['cancel', CANCEL],
      ...REPLIES.map((type): [string, SagaInput] => [type, reply(type, { reason: 'OUT_OF_STOCK', paymentId: 'p' })])]
    if (state === 'NEW') inputs.splice(0, Infinity, ['start', { kind: 'start' }])
    for (const [name, input] of inputs) {
      t.equal(next(decide(view(state), input)), TABLE[state]![name] ?? 'nothing', `${state} and ${name}`)
    }
  }
  const captured = decide(view('PAYING'), reply('payments.PaymentCaptured.v1', { paymentId: 'q' }))
  t.match(captured?.data, { ...data, paymentId: 'q' }, 'the payment is kept')
})

t.test('a step that can be undone is asked three times and then undone, any other for ever', async t => {
  const at = (state: string, cancelReason?: string) => [0, 1, 2, 3, 4, 1000].map(attempt =>
    next(decide(view(state, { attempt, cancelReason }), TIMEOUT)))
  const undone = (to: string, reason: string) => `${to} ${order} ${reason}`
  const thrice = (state: string) => Array.from({ length: 3 }, () => `${state} again`)
  t.same(at('RESERVING'), [...thrice('RESERVING'), ...Array.from({ length: 3 }, () => undone('RELEASING', 'TIMEOUT'))])
  t.same(at('RESERVING', 'CUSTOMER'), [...thrice('RESERVING'), ...Array.from({ length: 3 }, () => undone('RELEASING', 'CUSTOMER'))],
    'who cancelled is told so')
  t.same(at('PAYING'), [...thrice('PAYING'), ...Array.from({ length: 3 }, () => undone('VOIDING', 'TIMEOUT'))])
  for (const state of ['COMMITTING', 'VOIDING', 'RELEASING']) t.same(new Set(at(state)), new Set([`${state} again`]), state)
})

t.test('the reason for the end is the first there was', async t => {
  const cancelled = { cancelReason: 'CUSTOMER' }
  t.equal(next(decide(view('RESERVING', cancelled), reply('inventory.StockReserved.v1'))), `RELEASING ${order} CUSTOMER`)
  for (const reason of ['OUT_OF_STOCK', 'UNKNOWN_SKU', 'RELEASED']) {
    t.equal(next(decide(view('RESERVING', cancelled), reply('inventory.StockRejected.v1', { reason }))),
      'ABORTED OrderCancelled {"reason":"CUSTOMER"}')
  }
  const rejected = (reason: unknown) => next(decide(view('RESERVING'), reply('inventory.StockRejected.v1', { reason })))
  t.equal(rejected('UNKNOWN_SKU'), 'ABORTED OrderCancelled {"reason":"UNKNOWN_SKU"}')
  for (const reason of ['RELEASED', 'SOMETHING_NEW', undefined]) t.equal(rejected(reason), 'ABORTED OrderCancelled {"reason":"TIMEOUT"}')
  t.equal(next(decide(view('RESERVING', cancelled), { kind: 'cancel', reason: 'TIMEOUT' })), 'RESERVING CUSTOMER',
    'an operator who cancels later changes no reason')
  t.equal(next(decide(view('PAYING'), { kind: 'cancel', reason: 'TIMEOUT' })), `VOIDING ${order} TIMEOUT`)
  for (const undone of ['Voided', 'Refunded']) {
    t.equal(next(decide(view('VOIDING', cancelled), reply(`payments.Payment${undone}.v1`))), `RELEASING ${order} CUSTOMER`)
  }
  for (const reason of ['CUSTOMER', 'PAYMENT_DECLINED', 'TIMEOUT']) {
    t.equal(next(decide(view('RELEASING', { cancelReason: reason }), reply('inventory.StockReleased.v1'))),
      `ABORTED OrderCancelled {"reason":"${reason}"}`)
  }
})

t.test('waits: the reply\'s time first, then 1, 2, 4 times the resend\'s, up to the cap, spread over the upper half', async t => {
  const waits = (random: number) => Object.values(placeOrderSaga(SAGA_TIMES, () => random).states).flatMap(state =>
    'ends' in state || typeof state.deadlineMs === 'number' ? [] : [[0, 1, 2, 3, 7, 40].map(state.deadlineMs)])
  t.same(waits(0), Array.from({ length: 5 }, () => [30_000, 500, 1000, 2000, 30_000, 30_000]))
  t.same(waits(0.5), Array.from({ length: 5 }, () => [30_000, 750, 1500, 3000, 45_000, 45_000]))
})
