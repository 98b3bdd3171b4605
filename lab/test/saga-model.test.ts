/**
 * The saga against its two participants, all three as pure functions, over a network that loses, doubles and reorders,
 * with clocks that run out and customers that change their mind at any moment.
 */
import fc from 'fast-check'
import { t } from 'tap'
import { decide, placeOrderSaga, SAGA_TIMES, type PlaceOrder } from '../../sample-services/orders/domain/place-order-saga.ts'
import type { SagaInput, SagaView, SagaWait } from '../../messaging/index.ts'
import {
  available, commit, release, reserve, type Outcome as StockOutcome, type Reservation, type Stock
} from '../../sample-services/inventory/domain/stock.ts'
import {
  cancel, capture, type Account, type CaptureRequest, type Outcome as PaymentOutcome, type Payment
} from '../../sample-services/payments/domain/payment.ts'

interface Message { readonly id: string, readonly to: string, readonly type: string, readonly causationId?: string,
  readonly data: Record<string, unknown> }

const { states } = placeOrderSaga(SAGA_TIMES, () => 0)

function waitOf (name: string): Partial<SagaWait> {
  const state = states[name]
  return state === undefined || 'ends' in state ? {} : state
}

type Action = 'deliver' | 'duplicate' | 'lose' | 'timeout' | 'silence' | 'cancel'

interface World { readonly onHand: number, readonly balance: number, readonly qty: number, readonly unitPrice: number }

class Simulation {
  readonly order: PlaceOrder
  saga: SagaView<PlaceOrder>
  stock: Stock
  account: Account
  reservation: Reservation | undefined
  payment: Payment | undefined
  readonly events: Array<{ readonly type: string, readonly data: Record<string, unknown> }> = []
  /** What the saga was told where, and replies that came when nobody waited for them. */
  readonly visits: string[] = []
  cancelled = false
  captures = 0
  refunds = 0
  #ids = 0
  #network: Message[] = []
  #running: Message | undefined
  readonly #inbox = new Set<string>()
  readonly #answered = new Map<string, Message>()

  constructor (world: World) {
    const { qty, unitPrice } = world
    this.order = { orderId: 'o', userId: 'u', currency: 'EUR', total: qty * unitPrice, lines: [{ sku: 's', qty }] }
    this.stock = { sku: 's', onHand: world.onHand, reserved: 0 }
    this.account = { id: 'user:u', currency: 'EUR', balance: world.balance, frozen: false }
    this.saga = { state: 'NEW', data: this.order, attempt: 0, cancelReason: undefined }
    this.#tell({ kind: 'start' })
  }

  act (action: Action, pick: number): void {
    if (action === 'timeout') return this.#tell({ kind: 'timeout' })
    // Up to one past the last time that anything is asked again.
    if (action === 'silence') return [1, 2, 3, 4].forEach(() => { this.#tell({ kind: 'timeout' }) })
    if (action === 'cancel') return this.#tell({ kind: 'cancel', reason: 'CUSTOMER' })
    if (this.#network.length === 0) return
    const at = pick % this.#network.length
    const message = this.#network[at]!
    if (action !== 'duplicate') this.#network.splice(at, 1)
    if (action !== 'lose') this.#deliver(message)
  }

  /** The network is whole again: all is delivered, and who waits for ever asks again. */
  settle (): void {
    for (let round = 0; round < 50; round++) {
      while (this.#network.length > 0) this.act('deliver', 0)
      if (this.ended) return
      this.act('timeout', 0)
    }
  }

  get ended (): boolean {
    return this.saga.state === 'DONE' || this.saga.state === 'ABORTED'
  }

  check (): void {
    if (available(this.stock) < 0 || this.stock.reserved < 0) throw new Error('stock below zero')
    if (this.account.balance < 0) throw new Error('balance below zero')
    if (this.captures > 1 || this.refunds > this.captures) throw new Error('paid or refunded twice')
  }

  #tell (input: SagaInput): void {
    this.visits.push(`${this.saga.state} ${input.kind === 'reply' ? input.type.split('.')[1] : input.kind}`)
    const step = decide(this.saga, input)
    if (step === undefined) return
    if (input.kind === 'cancel') this.cancelled = true
    if (step.event !== undefined) this.events.push(step.event)
    let { attempt } = this.saga
    if (step.send !== undefined) {
      const { sends: type = '' } = waitOf(step.to)
      this.#running = { id: `c${++this.#ids}`, to: type.split('.')[0]!, type, data: step.send }
      this.#network.push(this.#running)
      attempt = 0
    } else if (step.resend === true) {
      this.#network.push(this.#running!)
      attempt++
    }
    this.saga = { state: step.to, attempt, data: step.data ?? this.saga.data,
      cancelReason: step.cancelReason ?? this.saga.cancelReason }
  }

  #deliver (message: Message): void {
    if (message.to === 'orders') {
      if (this.#inbox.has(message.id)) return
      this.#inbox.add(message.id)
      // As messaging does it: only what the running command's state waits for.
      const { replies = [] } = waitOf(this.saga.state)
      if (message.causationId !== this.#running?.id || !replies.includes(message.type)) {
        this.visits.push(`${this.saga.state} late`)
        return
      }
      return this.#tell({ kind: 'reply', type: message.type, data: message.data })
    }
    const known = this.#answered.get(message.id)
    const reply = known ?? this.#answer(message)
    this.#answered.set(message.id, reply)
    this.#network.push(reply)
  }

  #answer (message: Message): Message {
    const { answer } = message.to === 'inventory' ? this.#inventory(message) : this.#payments(message)
    return { id: `r${++this.#ids}`, to: 'orders', type: answer.type, data: answer.data, causationId: message.id }
  }

  #inventory (message: Message): StockOutcome {
    const stocks = new Map([['s', this.stock]])
    const fresh = { orderId: 'o', reservationId: `res${this.#ids}` }
    const outcome = message.type === 'inventory.ReserveStock.v1'
      ? reserve(this.reservation, fresh, this.order.lines, stocks)
      : message.type === 'inventory.ReleaseStock.v1'
        ? release(this.reservation, fresh, stocks)
        : commit('o', this.reservation, stocks)
    this.reservation = outcome.reservation
    this.stock = outcome.stocks[0] ?? this.stock
    return outcome
  }

  #payments (message: Message): PaymentOutcome {
    const outcome = message.type === 'payments.CapturePayment.v1'
      ? capture(this.payment, message.data as unknown as CaptureRequest, this.account, `p${this.#ids}`)
      : cancel(this.payment, 'o', `p${this.#ids}`)
    this.payment = outcome.payment
    if (outcome.transfer !== undefined) {
      const paid = outcome.transfer.from === this.account.id
      if (paid) this.captures++
      else this.refunds++
      this.account = { ...this.account,
        balance: this.account.balance + (paid ? -outcome.transfer.amount : outcome.transfer.amount) }
    }
    return outcome
  }
}

const world: fc.Arbitrary<World> = fc.record({
  onHand: fc.integer({ min: 0, max: 4 }), balance: fc.integer({ min: 0, max: 10 }),
  qty: fc.integer({ min: 1, max: 4 }), unitPrice: fc.integer({ min: 0, max: 4 })
})
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Action>('deliver') }, { weight: 2, arbitrary: fc.constant<Action>('duplicate') },
  { weight: 1, arbitrary: fc.constant<Action>('lose') }, { weight: 3, arbitrary: fc.constant<Action>('timeout') },
  { weight: 1, arbitrary: fc.constant<Action>('silence') }, { weight: 2, arbitrary: fc.constant<Action>('cancel') })
const actions = fc.array(fc.tuple(action, fc.nat(20)), { maxLength: 60 })

/** Each of them is met often, or the property says nothing of it. */
const EDGES = [
  'RESERVING StockReserved', 'RESERVING StockRejected', 'PAYING PaymentCaptured', 'PAYING PaymentDeclined',
  'COMMITTING StockCommitted', 'VOIDING PaymentVoided', 'VOIDING PaymentRefunded', 'RELEASING StockReleased',
  ...['RESERVING', 'PAYING', 'COMMITTING', 'VOIDING', 'RELEASING'].flatMap(state => [`${state} timeout`, `${state} cancel`]),
  // Elsewhere what comes late is what came before: the same reply again, which the inbox knows.
  ...['VOIDING', 'RELEASING', 'ABORTED'].map(state => `${state} late`)
]

t.test('whatever the network, the clocks and the customer do, money and stock add up', async t => {
  const seed = Number(process.env['SEED'] ?? Math.trunc(Math.random() * 2 ** 31))
  t.comment(`SEED=${seed}`)
  const visits = new Map<string, number>()
  fc.assert(fc.property(world, actions, (start, steps) => {
    const simulation = new Simulation(start)
    for (const [what, pick] of steps) {
      simulation.act(what, pick)
      simulation.check()
    }
    simulation.settle()
    simulation.check()
    ended(simulation, start)
    for (const visit of simulation.visits) visits.set(visit, (visits.get(visit) ?? 0) + 1)
  }), { numRuns: 6000, seed, verbose: 1 })
  for (const edge of EDGES) t.ok((visits.get(edge) ?? 0) >= 20, `${edge} was met ${visits.get(edge)} times`)
})

function ended (simulation: Simulation, start: World): void {
  const { saga, events, stock, account, captures, refunds, order, cancelled } = simulation
  const done = saga.state === 'DONE'
  const facts = {
    ended: simulation.ended,
    'one last event': events.length === 1,
    'DONE is CONFIRMED': done === (events[0]?.type === 'orders.OrderConfirmed.v1'),
    'the customer\'s wish is the reason, when it was taken and only then':
      (events[0]?.data.reason === 'CUSTOMER') === (!done && cancelled),
    'nothing stays reserved': stock.reserved === 0,
    'stock left only for what was confirmed': stock.onHand === start.onHand - (done ? order.lines[0]!.qty : 0),
    'money left only for what was confirmed': account.balance === start.balance - (done ? order.total : 0),
    'captured once, or as often as refunded': done ? captures === 1 && refunds === 0 : captures === refunds
  }
  for (const [fact, holds] of Object.entries(facts)) {
    if (!holds) throw new Error(`broken: ${fact} ${JSON.stringify({ state: saga.state, events, stock, account })}`)
  }
}
