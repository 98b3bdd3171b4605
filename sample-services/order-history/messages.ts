/** The order history's copy of the events it reads: no more than it needs. */
import type { MessageSchema } from '@breakwater/messaging'
import { amount, uuid } from './shapes.ts'

const line = { type: 'object', required: ['sku', 'qty', 'unitPrice'],
  properties: { sku: { type: 'string' }, qty: amount, unitPrice: amount } }

function message ($id: string, properties: Record<string, unknown>): MessageSchema {
  return { $id, type: 'object', required: Object.keys(properties), properties }
}

export const MESSAGES: readonly MessageSchema[] = [
  message('orders.OrderPlaced.v1', { orderId: uuid, userId: uuid, currency: { type: 'string' },
    total: amount, lines: { type: 'array', items: line } }),
  message('orders.OrderConfirmed.v1', { orderId: uuid, paymentId: uuid }),
  message('orders.OrderCancelled.v1', { orderId: uuid, reason: { type: 'string' } })
]

export const ORDER_EVENTS = MESSAGES.map(schema => schema.$id)
