/** The commands payments takes, the events it answers with, and its copy of the events of users. */
import type { MessageSchema } from '@breakwater/messaging'
import { amount, currency, refusal, uuid } from './shapes.ts'

function message ($id: string, properties: Record<string, unknown>): MessageSchema {
  return { $id, type: 'object', required: Object.keys(properties), properties }
}

export const MESSAGES: readonly MessageSchema[] = [
  message('payments.CapturePayment.v1', { orderId: uuid, userId: uuid, amount, currency }),
  message('payments.CancelPayment.v1', { orderId: uuid }),
  message('payments.PaymentCaptured.v1', { orderId: uuid, paymentId: uuid, amount, currency }),
  message('payments.PaymentDeclined.v1', { orderId: uuid, reason: refusal }),
  message('payments.PaymentVoided.v1', { orderId: uuid, amount }),
  message('payments.PaymentRefunded.v1', { orderId: uuid, amount }),
  message('users.UserSuspended.v1', { userId: uuid }),
  message('users.UserReactivated.v1', { userId: uuid })
]

export const USER_EVENTS = ['users.UserSuspended.v1', 'users.UserReactivated.v1'] as const
