/** Payments: each state with each command, each reason to refuse, two users, two currencies, what may be paid in. */
import fc from 'fast-check'
import { t } from 'tap'
import {
  cancel, capture, payIn, type Account, type CaptureRequest, type Outcome, type Payment, type Transfer
} from '../domain/payment.ts'

const request: CaptureRequest = { orderId: 'o', userId: 'ann', amount: 100, currency: 'EUR' }
const account = (balance: number, more: Partial<Account> = {}): Account =>
  ({ id: 'user:ann', currency: 'EUR', frozen: false, balance, ...more })
const known = { ...request, paymentId: 'old', version: 1 }
const STATES: Record<string, Payment | undefined> = {
  NONE: undefined,
  CAPTURED: { ...known, state: 'CAPTURED' },
  DECLINED: { ...known, state: 'DECLINED', reason: 'ACCOUNT_FROZEN' },
  'DECLINED, then VOIDED': { ...known, state: 'VOIDED', reason: 'ACCOUNT_FROZEN', version: 2 },
  VOIDED: { ...known, state: 'VOIDED', userId: '', amount: 0, currency: '' },
  REFUNDED: { ...known, state: 'REFUNDED', version: 2 }
}

/** What came of it, in a line. */
function told ({ payment, transfer, answer }: Outcome): string {
  const { orderId: _order, ...data } = answer.data
  const moved = transfer === undefined ? '' : `${transfer.from} > ${transfer.to} ${transfer.amount}`
  return `${payment.state} v${payment.version}; ${answer.type.split('.')[1]} ${JSON.stringify(data)}; ${moved}`
}

t.test('each state with each command', async t => {
  const captured = (id: string) => `PaymentCaptured {"paymentId":"${id}","amount":100,"currency":"EUR"}`
  const expected: Record<string, [captured: string, cancelled: string]> = {
    NONE: [`CAPTURED v1; ${captured('new')}; user:ann > merchant:EUR 100`, 'VOIDED v1; PaymentVoided {"amount":0}; '],
    CAPTURED: [`CAPTURED v1; ${captured('old')}; `, 'REFUNDED v2; PaymentRefunded {"amount":100}; merchant:EUR > user:ann 100'],
    DECLINED: ['DECLINED v1; PaymentDeclined {"reason":"ACCOUNT_FROZEN"}; ', 'VOIDED v2; PaymentVoided {"amount":0}; '],
    'DECLINED, then VOIDED': ['VOIDED v2; PaymentDeclined {"reason":"VOIDED"}; ', 'VOIDED v3; PaymentVoided {"amount":0}; '],
    VOIDED: ['VOIDED v1; PaymentDeclined {"reason":"VOIDED"}; ', 'VOIDED v2; PaymentVoided {"amount":0}; '],
    REFUNDED: ['REFUNDED v2; PaymentDeclined {"reason":"VOIDED"}; ', 'REFUNDED v2; PaymentRefunded {"amount":100}; ']
  }
  t.same(Object.keys(expected), Object.keys(STATES))
  for (const [state, [onCapture, onCancel]] of Object.entries(expected)) {
    t.equal(told(capture(STATES[state], request, account(1000), 'new')), onCapture, `${state} and capture`)
    t.equal(told(cancel(STATES[state], 'o', 'new')), onCancel, `${state} and cancel`)
  }
})

t.test('each reason to refuse, and the last cent', async t => {
  const ask = (from: Account | undefined, wanted: Partial<CaptureRequest> = {}) =>
    told(capture(undefined, { ...request, ...wanted }, from, 'new')).split('; ')[1]
  t.equal(ask(undefined), 'PaymentDeclined {"reason":"NO_ACCOUNT"}')
  t.equal(ask(account(1000, { currency: 'USD' })), 'PaymentDeclined {"reason":"NO_ACCOUNT"}', 'euros are not paid from dollars')
  t.equal(ask(account(1000), { currency: 'USD' }), 'PaymentDeclined {"reason":"NO_ACCOUNT"}', 'nor dollars from euros')
  t.match(ask(account(1000, { currency: 'USD' }), { currency: 'USD' }), /^PaymentCaptured/)
  t.equal(ask(account(1000, { frozen: true })), 'PaymentDeclined {"reason":"ACCOUNT_FROZEN"}')
  t.equal(ask(account(99)), 'PaymentDeclined {"reason":"INSUFFICIENT_FUNDS"}')
  t.match(ask(account(100)), /^PaymentCaptured/)
  t.match(ask(account(0), { amount: 0 }), /^PaymentCaptured/, 'nothing is paid from an empty account')
  t.equal(ask(undefined, { amount: 0 }), 'PaymentDeclined {"reason":"NO_ACCOUNT"}', 'but from an account')
})

t.test('a deposit is in the account\'s currency, and all of a user fit into a whole number', async t => {
  const max = Number.MAX_SAFE_INTEGER
  t.same(payIn('ann', { amount: 5, currency: 'EUR' }, undefined, 0), { from: 'payer:ann', to: 'user:ann', amount: 5 })
  t.same(payIn('ann', { amount: 5, currency: 'EUR' }, account(7), max - 5).amount, 5)
  t.throws(() => payIn('ann', { amount: 6, currency: 'EUR' }, account(7), max - 5), { code: 'DEPOSIT_LIMIT', statusCode: 422 })
  t.throws(() => payIn('ann', { amount: 1_000_000_000_000, currency: 'EUR' }, account(7), max), { code: 'DEPOSIT_LIMIT' })
  t.throws(() => payIn('ann', { amount: 5, currency: 'USD' }, account(7), 0), { code: 'CURRENCY_MISMATCH', statusCode: 422 })
})

/** A ledger in memory, exact whatever is in it, and what it may never show. */
class Book {
  readonly payments = new Map<string, Payment>()
  readonly #balances = new Map<string, bigint>()
  readonly #currencies = new Map<string, string>()

  balance (id: string): bigint {
    return this.#balances.get(id) ?? 0n
  }

  account (user: string): Account | undefined {
    const id = `user:${user}`
    const currency = this.#currencies.get(id)
    return currency === undefined ? undefined : { id, currency, frozen: false, balance: Number(this.balance(id)) }
  }

  move ({ from, to, amount }: Transfer, currency: string): void {
    this.#currencies.set(to, currency)
    this.#balances.set(from, this.balance(from) - BigInt(amount))
    this.#balances.set(to, this.balance(to) + BigInt(amount))
  }

  check (): void {
    for (const [id, balance] of this.#balances) {
      if (balance < 0n && !id.startsWith('payer:')) throw new Error(`${id} is at ${balance}`)
      // The house keeps no balance.
      if (!id.startsWith('merchant:') && !Number.isSafeInteger(Number(balance))) throw new Error(`${id} is at ${balance}`)
    }
    for (const currency of ['EUR', 'USD']) {
      const kept = [...this.payments.values()].filter(paid => paid.state === 'CAPTURED' && paid.currency === currency)
        .reduce((sum, { amount }) => sum + BigInt(amount), 0n)
      if (this.balance(`merchant:${currency}`) !== kept) throw new Error('the merchant has what was not captured')
    }
  }
}

interface Step { what: string, user: string, currency: string, orderId: string, amount: number }

const LARGE = [1_000_000_000_000, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 500]
const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('pay in', 'capture', 'capture', 'cancel'), user: fc.constantFrom('ann', 'bob'),
  currency: fc.constantFrom('EUR', 'EUR', 'USD'), orderId: fc.constantFrom('1', '2', '3', '4'),
  amount: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 1000 }) },
    { weight: 1, arbitrary: fc.constantFrom(...LARGE) })
})

/** Takes a step; returns what it was. */
function take (book: Book, { what, user, currency, orderId, amount }: Step): string {
  const payment = book.payments.get(orderId)
  if (what === 'pay in') {
    try {
      book.move(payIn(user, { amount, currency }, book.account(user), Number(-book.balance(`payer:${user}`))), currency)
      return what
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  const outcome = what === 'cancel'
    ? cancel(payment, orderId, 'p')
    : capture(payment, { orderId, userId: user, amount, currency }, book.account(user), 'p')
  book.payments.set(orderId, outcome.payment)
  if (outcome.transfer !== undefined) book.move(outcome.transfer, outcome.payment.currency)
  return `${payment?.state ?? 'NONE'} ${what}`
}

t.test('whatever is asked in whatever order: no money is made, and no sum leaves the whole numbers', async t => {
  const seed = Number(process.env['SEED'] ?? Math.trunc(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const visits = new Map<string, number>()
  fc.assert(fc.property(fc.array(step, { minLength: 10, maxLength: 40 }), steps => {
    const book = new Book()
    for (const one of steps) {
      const edge = take(book, one)
      visits.set(edge, (visits.get(edge) ?? 0) + 1)
      book.check()
    }
  }), { numRuns: 3000, seed })
  const states = ['NONE', 'CAPTURED', 'DECLINED', 'VOIDED', 'REFUNDED']
  const edges = states.flatMap(state => [`${state} capture`, `${state} cancel`])
  for (const edge of ['pay in', 'DEPOSIT_LIMIT', 'CURRENCY_MISMATCH', ...edges]) {
    t.ok((visits.get(edge) ?? 0) >= 100, `${edge} was met ${visits.get(edge)} times`)
  }
})
