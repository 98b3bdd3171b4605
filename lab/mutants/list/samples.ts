/** Faults of the sample services: their domain, their doors, their stores. */
import type { Mutant } from '../mutant.ts'

const ORDER_SAGA = ['sample-services/orders/test/place-order-saga.test.ts']
const PAYMENT = ['sample-services/payments/test/payment.test.ts']
const STOCK = ['sample-services/inventory/test/stock.test.ts']
const USERS = ['sample-services/orders/test/known-users.test.ts']
const FROZEN = ['sample-services/payments/test/frozen-users.test.ts']

export const SAMPLES: readonly Mutant[] = [
  {
    id: 'timeout-names-customer',
    package: 'samples',
    breaks: 'a customer\'s cancellation is not called a time-out',
    file: 'sample-services/orders/domain/place-order-saga.ts',
    from: 'release(saga, saga.cancelReason ?? \'TIMEOUT\', \'no reply from inventory\')',
    to: 'release(saga, \'TIMEOUT\', \'no reply from inventory\')',
    seenBy: ORDER_SAGA
  },
  {
    id: 'undo-behind-pivot',
    package: 'samples',
    breaks: 'behind the capture nothing is undone',
    file: 'sample-services/orders/domain/place-order-saga.ts',
    from: 'if (!forward || saga.attempt < MAX_RESENDS)',
    to: 'if (saga.attempt < MAX_RESENDS)',
    seenBy: ORDER_SAGA
  },
  {
    id: 'cancel-forgotten',
    package: 'samples',
    breaks: 'a cancellation while stock is reserved is acted on at the reply',
    file: 'sample-services/orders/domain/place-order-saga.ts',
    from: 'return saga.cancelReason === undefined ? pay(saga) :',
    to: 'return saga.state !== "" ? pay(saga) :',
    seenBy: ORDER_SAGA
  },
  {
    id: 'one-resend-less',
    package: 'samples',
    breaks: 'a step is asked three times again before it is undone',
    file: 'sample-services/orders/domain/place-order-saga.ts',
    from: 'saga.attempt < MAX_RESENDS)',
    to: 'saga.attempt < MAX_RESENDS - 1)',
    seenBy: ORDER_SAGA
  },
  {
    id: 'any-currency',
    package: 'samples',
    breaks: 'dollars are not paid from an account in euros',
    file: 'sample-services/payments/domain/payment.ts',
    from: 'account === undefined || account.currency !== request.currency',
    to: 'account === undefined',
    seenBy: PAYMENT
  },
  {
    id: 'frozen-pays',
    package: 'samples',
    breaks: 'a frozen account pays nothing',
    file: 'sample-services/payments/domain/payment.ts',
    from: 'if (account.frozen) return \'ACCOUNT_FROZEN\'',
    to: '',
    seenBy: PAYMENT
  },
  {
    id: 'one-short',
    package: 'samples',
    breaks: 'an account pays no more than it has',
    file: 'sample-services/payments/domain/payment.ts',
    from: 'account.balance < request.amount',
    to: 'account.balance < request.amount - 1',
    seenBy: PAYMENT
  },
  {
    id: 'void-forgotten',
    package: 'samples',
    breaks: 'a capture behind its cancellation is declined',
    file: 'sample-services/payments/domain/payment.ts',
    from: 'if (payment !== undefined) return { payment, answer: captureAnswer(payment) }',
    to: 'if (payment !== undefined && payment.state !== \'VOIDED\') return { payment, answer: capture' +
      'Answer(payment) }',
    seenBy: PAYMENT
  },
  {
    id: 'refund-twice',
    package: 'samples',
    breaks: 'money is given back once',
    file: 'sample-services/payments/domain/payment.ts',
    from: 'if (known.state === \'REFUNDED\') return { payment: known, answer: refunded(known) }\n  if (k' +
      'nown.state !== \'CAPTURED\')',
    to: 'if (known.state !== \'CAPTURED\' && known.state !== \'REFUNDED\')',
    seenBy: PAYMENT
  },
  {
    id: 'deposits-beyond-exact',
    package: 'samples',
    breaks: 'no user pays in more than can be added up exactly',
    file: 'sample-services/payments/domain/payment.ts',
    from: 'if (!Number.isSafeInteger(paidIn + amount))',
    to: 'if (!Number.isSafeInteger(amount))',
    seenBy: PAYMENT
  },
  {
    id: 'partial-reservation',
    package: 'samples',
    breaks: 'all lines are reserved or none',
    file: 'sample-services/inventory/domain/stock.ts',
    from: 'if (shortages.length > 0) return',
    to: 'if (shortages.length === lines.length) return',
    seenBy: STOCK
  },
  {
    id: 'release-forgets',
    package: 'samples',
    breaks: 'a reservation that comes after its release is refused',
    file: 'sample-services/inventory/domain/stock.ts',
    from: 'const refusal = state === \'RELEASED\' ?',
    to: 'const refusal = state === (\'\' as string) ?',
    seenBy: STOCK
  },
  {
    id: 'released-twice',
    package: 'samples',
    breaks: 'stock is given back once',
    file: 'sample-services/inventory/domain/stock.ts',
    from: 'const held = known.state === \'RESERVED\'\n',
    to: 'const held = known.lines.length > 0\n',
    seenBy: STOCK
  },
  {
    id: 'two-lines-one',
    package: 'samples',
    breaks: 'an article in two lines is reserved for both',
    file: 'sample-services/inventory/domain/stock.ts',
    from: '(wanted.get(sku) ?? 0) + qty',
    to: 'qty',
    seenBy: STOCK
  },
  {
    id: 'older-user-wins',
    package: 'samples',
    breaks: 'an older version of a user never overwrites a newer one',
    file: 'sample-services/orders/store/known-users.ts',
    from: 'WHERE known_users.version < excluded.version',
    to: 'WHERE known_users.version <> excluded.version',
    seenBy: USERS
  },
  {
    id: 'older-freeze-wins',
    package: 'samples',
    breaks: 'an account that was set free is not frozen by older news',
    file: 'sample-services/payments/store/ledger.ts',
    from: 'WHERE frozen_users.version < excluded.version',
    to: 'WHERE frozen_users.version <> excluded.version',
    seenBy: FROZEN
  }
]
