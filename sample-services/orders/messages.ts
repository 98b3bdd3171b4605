/** The messages orders sends, and its own copy of those it gets. */
import type { MessageSchema } from '@breakwater/messaging'

const uuid = { type: 'string', format: 'uuid' }
const amount = { type: 'integer', minimum: 0 }
const currency = { type: 'string', pattern: '^[A-Z]{3}$' }
const sku = { type: 'string', minLength: 1, maxLength: 64 }
const qty = { type: 'integer', minimum: 1 }
const text = { type: 'string', maxLength: 500 }

function message ($id: string, properties: Record<string, unknown>, optional: readonly string[] = []): MessageSchema {
  return { $id, type: 'object', required: Object.keys(properties).filter(name => !optional.includes(name)), properties }
}

function lines (properties: Record<string, unknown>) {
  return { type: 'array', minItems: 1, maxItems: 50,
    items: { type: 'object', required: Object.keys(properties), properties } }
}

const SENT: readonly MessageSchema[] = [
  message('orders.OrderPlaced.v1', { orderId: uuid, userId: uuid, currency, total: amount,
    lines: lines({ sku, qty, unitPrice: amount }) }),
  message('orders.OrderConfirmed.v1', { orderId: uuid, paymentId: uuid }),
  message('orders.OrderCancelled.v1', { orderId: uuid,
    reason: { enum: ['OUT_OF_STOCK', 'UNKNOWN_SKU', 'PAYMENT_DECLINED', 'TIMEOUT', 'CUSTOMER'] } }),
  message('inventory.ReserveStock.v1', { orderId: uuid, lines: lines({ sku, qty }) }),
  message('inventory.ReleaseStock.v1', { orderId: uuid }),
  message('inventory.CommitStock.v1', { orderId: uuid }),
  message('payments.CapturePayment.v1', { orderId: uuid, userId: uuid, amount, currency }),
  message('payments.CancelPayment.v1', { orderId: uuid })
]

const RECEIVED: readonly MessageSchema[] = [
  message('users.UserRegistered.v1', { userId: uuid }),
  message('users.UserSuspended.v1', { userId: uuid }),
  message('users.UserReactivated.v1', { userId: uuid }),
  message('inventory.StockReserved.v1', { orderId: uuid, reservationId: uuid }),
  message('inventory.StockRejected.v1', { orderId: uuid, reason: text }),
  message('inventory.StockReleased.v1', { orderId: uuid, released: { type: 'boolean' } }),
  message('inventory.StockCommitted.v1', { orderId: uuid }),
  message('payments.PaymentCaptured.v1', { orderId: uuid, paymentId: uuid }),
  message('payments.PaymentDeclined.v1', { orderId: uuid, reason: text }),
  message('payments.PaymentVoided.v1', { orderId: uuid, amount }),
  message('payments.PaymentRefunded.v1', { orderId: uuid, amount })
]

export const MESSAGES: readonly MessageSchema[] = [...SENT, ...RECEIVED]

export const USER_EVENTS = ['users.UserRegistered.v1', 'users.UserSuspended.v1', 'users.UserReactivated.v1'] as const
