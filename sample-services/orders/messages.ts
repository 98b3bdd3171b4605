/** The messages orders sends, and its own copy of those it gets. */
import type { MessageSchema } from '@breakwater/messaging'
import { amount, currency, lines, qty, sku, unitPrice, uuid } from './shapes.ts'

function message ($id: string, properties: Record<string, unknown>): MessageSchema {
  return { $id, type: 'object', required: Object.keys(properties), properties }
}

const SENT: readonly MessageSchema[] = [
  message('orders.OrderPlaced.v1', { orderId: uuid, userId: uuid, currency, total: amount,
    lines: lines({ sku, qty, unitPrice }) }),
  message('orders.OrderConfirmed.v1', { orderId: uuid, paymentId: uuid }),
  message('orders.OrderCancelled.v1', { orderId: uuid,
    reason: { enum: ['OUT_OF_STOCK', 'UNKNOWN_SKU', 'PAYMENT_DECLINED', 'TIMEOUT', 'CUSTOMER'] } }),
  message('inventory.ReserveStock.v1', { orderId: uuid, lines: lines({ sku, qty }) }),
  message('inventory.ReleaseStock.v1', { orderId: uuid }),
  message('inventory.CommitStock.v1', { orderId: uuid }),
  message('payments.CapturePayment.v1', { orderId: uuid, userId: uuid, amount, currency }),
  message('payments.CancelPayment.v1', { orderId: uuid })
]

/** No more than is read: a reply must not be refused, and its saga left waiting, for a value that nobody looks at. */
const RECEIVED: readonly MessageSchema[] = [
  message('users.UserRegistered.v1', { userId: uuid }),
  message('users.UserSuspended.v1', { userId: uuid }),
  message('users.UserReactivated.v1', { userId: uuid }),
  message('inventory.StockReserved.v1', {}),
  message('inventory.StockRejected.v1', { reason: { type: 'string' } }),
  message('inventory.StockReleased.v1', {}),
  message('inventory.StockCommitted.v1', {}),
  message('payments.PaymentCaptured.v1', { paymentId: uuid }),
  message('payments.PaymentDeclined.v1', {}),
  message('payments.PaymentVoided.v1', {}),
  message('payments.PaymentRefunded.v1', {})
]

export const MESSAGES: readonly MessageSchema[] = [...SENT, ...RECEIVED]

export const USER_EVENTS = ['users.UserRegistered.v1', 'users.UserSuspended.v1', 'users.UserReactivated.v1'] as const
