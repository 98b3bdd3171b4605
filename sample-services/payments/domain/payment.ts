/** Payments as decisions over what is known of order and account. Pure. */

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
}

/** Money that moves: always both sides. */
export interface Transfer {
  readonly from: string
  readonly to: string
  readonly amount: number
}

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

export function capture (
  payment: Payment | undefined, request: CaptureRequest, account: Account | undefined, paymentId: string
): Outcome {
  if (payment !== undefined) return { payment, answer: captureAnswer(payment, 'VOIDED') }
  const reason = refusal(request, account)
  const fresh = { ...request, paymentId, version: 1 }
  if (reason !== undefined) {
    const declined: Payment = { ...fresh, state: 'DECLINED' }
    return { payment: declined, answer: captureAnswer(declined, reason) }
  }
  const captured: Payment = { ...fresh, state: 'CAPTURED' }
  return {
    payment: captured,
    transfer: { from: userAccount(request.userId), to: merchantAccount(request.currency), amount: request.amount },
    answer: captureAnswer(captured, '')
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

function refusal (request: CaptureRequest, account: Account | undefined): string | undefined {
  if (account === undefined || account.currency !== request.currency) return 'NO_ACCOUNT'
  if (account.frozen) return 'ACCOUNT_FROZEN'
  return account.balance < request.amount ? 'INSUFFICIENT_FUNDS' : undefined
}

function captureAnswer (payment: Payment, reason: string): Outcome['answer'] {
  const { orderId, paymentId, amount, currency, state } = payment
  return state === 'CAPTURED'
    ? { type: 'payments.PaymentCaptured.v1', data: { orderId, paymentId, amount, currency } }
    : { type: 'payments.PaymentDeclined.v1', data: { orderId, reason } }
}

function refunded ({ orderId, amount }: Payment): Outcome['answer'] {
  return { type: 'payments.PaymentRefunded.v1', data: { orderId, amount } }
}
