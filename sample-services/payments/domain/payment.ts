/**
 * Payments as decisions over what is known of order and account. Pure.
 *
 * No balance is beyond 2^53-1, and one check sees to it: what a user ever paid in. The user's balance is a part of that
 * money, which captures and refunds move and never make; so they need no limit, and a refund is never refused for one.
 */
import { paymentError } from '../errors.ts'

export interface Account {
  readonly id: string
  readonly currency: string
  readonly balance: number
  readonly frozen: boolean
}

/** One order's payment. VOIDED is also a tombstone: a capture that comes after its cancellation is refused. */
export interface Payment {
  readonly orderId: string
  readonly paymentId: string
  readonly userId: string
  readonly state: 'CAPTURED' | 'DECLINED' | 'VOIDED' | 'REFUNDED'
  readonly amount: number
  readonly currency: string
  readonly version: number
  /** Of a payment that was declined. */
  readonly reason?: Refusal | undefined
}

/** Money that moves: always both sides. */
export interface Transfer {
  readonly from: string
  readonly to: string
  readonly amount: number
}

export type Refusal = 'INSUFFICIENT_FUNDS' | 'ACCOUNT_FROZEN' | 'NO_ACCOUNT' | 'VOIDED'

export interface Outcome {
  readonly payment: Payment
  readonly transfer?: Transfer
  readonly answer: { readonly type: string, readonly data: Record<string, unknown> }
}

export interface CaptureRequest {
  readonly orderId: string
  readonly userId: string
  readonly amount: number
  readonly currency: string
}

export function userAccount (userId: string): string {
  return `user:${userId}`
}

export function merchantAccount (currency: string): string {
  return `merchant:${currency}`
}

/** Where a user's deposits come from: what it is short of is what was paid in. */
export function payerAccount (userId: string): string {
  return `payer:${userId}`
}

/** A deposit; `paidIn` is the sum of all the user's so far. */
export function payIn (
  userId: string, { amount, currency }: Pick<CaptureRequest, 'amount' | 'currency'>, account: Account | undefined,
  paidIn: number
): Transfer {
  if (account !== undefined && account.currency !== currency) {
    throw paymentError('CURRENCY_MISMATCH', [account.currency, currency])
  }
  if (!Number.isSafeInteger(paidIn + amount)) throw paymentError('DEPOSIT_LIMIT', [userId])
  return { from: payerAccount(userId), to: userAccount(userId), amount }
}

export function capture (
  payment: Payment | undefined, request: CaptureRequest, account: Account | undefined, paymentId: string
): Outcome {
  if (payment !== undefined) return { payment, answer: captureAnswer(payment) }
  const { orderId, userId, amount, currency } = request
  const reason = refusal(request, account)
  const fresh: Payment = { orderId, paymentId, userId, amount, currency, version: 1,
    ...(reason === undefined ? { state: 'CAPTURED' } : { state: 'DECLINED', reason }) }
  return {
    payment: fresh,
    ...(reason === undefined ? { transfer: { from: userAccount(userId), to: merchantAccount(currency), amount } } : {}),
    answer: captureAnswer(fresh)
  }
}

/** Whatever became of the capture, afterwards no money of this order is with the merchant, now or later. */
export function cancel (payment: Payment | undefined, orderId: string, paymentId: string): Outcome {
  const known: Payment = payment ??
    { orderId, paymentId, userId: '', state: 'VOIDED', amount: 0, currency: '', version: 0 }
  if (known.state === 'REFUNDED') return { payment: known, answer: refunded(known) }
  if (known.state !== 'CAPTURED') {
    return { payment: { ...known, state: 'VOIDED', version: known.version + 1 },
      answer: { type: 'payments.PaymentVoided.v1', data: { orderId, amount: 0 } } }
  }
  return {
    payment: { ...known, state: 'REFUNDED', version: known.version + 1 },
    transfer: { from: merchantAccount(known.currency), to: userAccount(known.userId), amount: known.amount },
    answer: refunded(known)
  }
}

function refusal (request: CaptureRequest, account: Account | undefined): Refusal | undefined {
  if (account === undefined || account.currency !== request.currency) return 'NO_ACCOUNT'
  if (account.frozen) return 'ACCOUNT_FROZEN'
  return account.balance < request.amount ? 'INSUFFICIENT_FUNDS' : undefined
}

function captureAnswer (payment: Payment): Outcome['answer'] {
  const { orderId, paymentId, amount, currency, state } = payment
  if (state === 'CAPTURED') {
    return { type: 'payments.PaymentCaptured.v1', data: { orderId, paymentId, amount, currency } }
  }
  const reason = state === 'DECLINED' ? payment.reason : undefined
  return { type: 'payments.PaymentDeclined.v1', data: { orderId, reason: reason ?? 'VOIDED' } }
}

function refunded ({ orderId, amount }: Payment): Outcome['answer'] {
  return { type: 'payments.PaymentRefunded.v1', data: { orderId, amount } }
}
