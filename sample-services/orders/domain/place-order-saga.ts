/**
 * The PlaceOrder saga as one pure function.
 *
 *   RESERVING -> PAYING -> COMMITTING -> DONE
 *       |          |  \
 *       |       VOIDING \             the payment's outcome is unknown: cancel it first, whatever it was
 *       |          \     \
 *       +--------> RELEASING -> ABORTED
 *       +----------------------> ABORTED    nothing was reserved
 *
 * The capture is the pivot: before it everything can be undone, behind it everything is only repeated until done. A
 * step that can be undone is repeated three times and then undone; one that cannot be refused is repeated for ever.
 */
import type { SagaDefinition, SagaInput, SagaStep, SagaView } from '@breakwater/messaging'
import type { CancelReason, OrderLine } from './order.ts'

export interface PlaceOrder {
  readonly orderId: string
  readonly userId: string
  readonly currency: string
  readonly total: number
  readonly lines: ReadonlyArray<Pick<OrderLine, 'sku' | 'qty'>>
  readonly paymentId?: string
}

export interface SagaTimes {
  /** How long a step waits for its first reply. */
  readonly replyMs: number
  /** Base of the waits between resends: 1, 2, 4 times this. */
  readonly resendMs: number
  /** The longest wait of a step that is repeated for ever. */
  readonly capMs: number
  readonly stuckMs: number
}

export const SAGA_TIMES: SagaTimes = Object.freeze({
  replyMs: 30_000, resendMs: 1000, capMs: 60_000, stuckMs: 300_000
})

const MAX_RESENDS = 3
const ENDED = new Set(['DONE', 'ABORTED'])

type View = SagaView<PlaceOrder>
type Step = SagaStep<PlaceOrder>

/** `random` spreads the resends of sagas that failed together. */
export function placeOrderSaga (times: SagaTimes, random: () => number): SagaDefinition<PlaceOrder> {
  const deadlineMs = (attempt: number): number => attempt === 0
    ? times.replyMs
    : Math.min(times.resendMs * 2 ** (attempt - 1), times.capMs) * (0.5 + random() / 2)
  return {
    type: 'PlaceOrder',
    stuckMs: times.stuckMs,
    cancelReasons: ['CUSTOMER', 'TIMEOUT'] satisfies CancelReason[],
    states: {
      RESERVING: { sends: 'inventory.ReserveStock.v1', deadlineMs,
        replies: ['inventory.StockReserved.v1', 'inventory.StockRejected.v1'] },
      PAYING: { sends: 'payments.CapturePayment.v1', deadlineMs,
        replies: ['payments.PaymentCaptured.v1', 'payments.PaymentDeclined.v1'] },
      COMMITTING: { sends: 'inventory.CommitStock.v1', deadlineMs, replies: ['inventory.StockCommitted.v1'] },
      VOIDING: { sends: 'payments.CancelPayment.v1', deadlineMs,
        replies: ['payments.PaymentVoided.v1', 'payments.PaymentRefunded.v1'] },
      RELEASING: { sends: 'inventory.ReleaseStock.v1', deadlineMs, replies: ['inventory.StockReleased.v1'] },
      DONE: { ends: true },
      ABORTED: { ends: true }
    },
    decide
  }
}

/** Where it stands and what came in, to what happens next; undefined for what means nothing here. */
export function decide (saga: View, input: SagaInput): Step | undefined {
  if (ENDED.has(saga.state)) return undefined
  switch (input.kind) {
    case 'start': return reserve(saga)
    case 'reply': return onReply(saga, input)
    case 'timeout': return onTimeout(saga)
    case 'cancel': return onCancel(saga, input.reason)
  }
}

function onReply (saga: View, reply: SagaInput & { kind: 'reply' }): Step | undefined {
  switch (`${saga.state} ${reply.type}`) {
    case 'RESERVING inventory.StockReserved.v1':
      return saga.cancelReason === undefined ? pay(saga) : release(saga, saga.cancelReason, 'cancelled while reserving')
    case 'RESERVING inventory.StockRejected.v1': return abort(rejection(saga, reply.data), 'nothing was reserved')
    case 'PAYING payments.PaymentCaptured.v1': return commit(saga, String(reply.data.paymentId))
    case 'PAYING payments.PaymentDeclined.v1': return release(saga, 'PAYMENT_DECLINED', 'payment declined')
    case 'COMMITTING inventory.StockCommitted.v1': return confirm(saga)
    case 'VOIDING payments.PaymentVoided.v1':
    case 'VOIDING payments.PaymentRefunded.v1': return release(saga, saga.cancelReason ?? 'TIMEOUT', 'payment undone')
    case 'RELEASING inventory.StockReleased.v1': return abort(saga.cancelReason ?? 'TIMEOUT', 'stock released')
    default: return undefined
  }
}

/** Of a step whose outcome is unknown, never assume that it failed: undo it in a way that also stops it. */
function onTimeout (saga: View): Step {
  const forward = saga.state === 'RESERVING' || saga.state === 'PAYING'
  if (!forward || saga.attempt < MAX_RESENDS) return { to: saga.state, resend: true, note: 'no reply, sent again' }
  return saga.state === 'PAYING'
    ? cancelPayment(saga, 'TIMEOUT', 'no reply from payments')
    : release(saga, saga.cancelReason ?? 'TIMEOUT', 'no reply from inventory')
}

function onCancel (saga: View, reason: string): Step | undefined {
  if (saga.state === 'RESERVING') {
    // The reservation is under way: its reply decides what there is to undo.
    return { to: 'RESERVING', cancelReason: saga.cancelReason ?? reason, note: 'to be cancelled at the reply' }
  }
  return saga.state === 'PAYING' ? cancelPayment(saga, reason, 'cancelled while paying') : undefined
}

function reserve ({ data: { orderId, lines } }: View): Step {
  return { to: 'RESERVING', note: 'order placed', send: { orderId, lines } }
}

function pay ({ data: { orderId, userId, total, currency } }: View): Step {
  return { to: 'PAYING', note: 'stock reserved', send: { orderId, userId, amount: total, currency } }
}

function commit ({ data }: View, paymentId: string): Step {
  return { to: 'COMMITTING', note: 'paid', data: { ...data, paymentId }, send: { orderId: data.orderId } }
}

function confirm ({ data: { orderId, paymentId } }: View): Step {
  return { to: 'DONE', note: 'stock committed',
    event: { type: 'orders.OrderConfirmed.v1', data: { orderId, paymentId } } }
}

function cancelPayment ({ data: { orderId } }: View, cancelReason: string, note: string): Step {
  return { to: 'VOIDING', note, cancelReason, send: { orderId } }
}

function release ({ data: { orderId } }: View, cancelReason: string, note: string): Step {
  return { to: 'RELEASING', note, cancelReason, send: { orderId } }
}

function abort (reason: string, note: string): Step {
  // The order's id is the saga's subject; the writer of the event adds it.
  return { to: 'ABORTED', note, event: { type: 'orders.OrderCancelled.v1', data: { reason } } }
}

function rejection (saga: View, data: Readonly<Record<string, unknown>>): CancelReason {
  if (saga.cancelReason === 'CUSTOMER') return 'CUSTOMER'
  return data.reason === 'OUT_OF_STOCK' || data.reason === 'UNKNOWN_SKU' ? data.reason : 'TIMEOUT'
}
