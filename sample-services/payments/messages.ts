/** The commands payments takes, the events it answers with, and its copy of the events of users. */
import type { MessageSchema } from '@breakwater/messaging'

const uuid = { type: 'string', format: 'uuid' }
const amount = { type: 'integer', minimum: 0 }
const currency = { type: 'string', pattern: '^[A-Z]{3}$' }

function message ($id: string, properties: Record<string, unknown>): MessageSchema {
  return { $id, type: 'object', required: Object.keys(properties), properties }
}

export const MESSAGES: readonly MessageSchema[] = [
  message('payments.CapturePayment.v1', { orderId: uuid, userId: uuid, amount, currency }),
  message('payments.CancelPayment.v1', { orderId: uuid }),
  message('payments.PaymentCaptured.v1', { orderId: uuid, paymentId: uuid, amount, currency }),
  message('payments.PaymentDeclined.v1',
    { orderId: uuid, reason: { enum: ['INSUFFICIENT_FUNDS', 'ACCOUNT_FROZEN', 'NO_ACCOUNT', 'VOIDED'] } }),
  message('payments.PaymentVoided.v1', { orderId: uuid, amount }),
  message('payments.PaymentRefunded.v1', { orderId: uuid, amount }),
  message('users.UserSuspended.v1', { userId: uuid }),
  message('users.UserReactivated.v1', { userId: uuid })
]

export const USER_EVENTS = ['users.UserSuspended.v1', 'users.UserReactivated.v1'] as const
