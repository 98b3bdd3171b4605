/** The order history's copy of the events it reads: no more than it needs. */
import type { MessageSchema } from '@breakwater/messaging'

const uuid = { type: 'string', format: 'uuid' }

function message ($id: string, properties: Record<string, unknown>): MessageSchema {
  return { $id, type: 'object', required: Object.keys(properties), properties }
}

export const MESSAGES: readonly MessageSchema[] = [
  message('orders.OrderPlaced.v1', { orderId: uuid, userId: uuid, currency: { type: 'string' },
    total: { type: 'integer' }, lines: { type: 'array' } }),
  message('orders.OrderConfirmed.v1', { orderId: uuid, paymentId: uuid }),
  message('orders.OrderCancelled.v1', { orderId: uuid, reason: { type: 'string' } })
]

export const ORDER_EVENTS = MESSAGES.map(schema => schema.$id)
