/** Each rule of the checks, broken once: a check that cannot fail checks nothing. */
import { t } from 'tap'
import { checkAlways } from '../checks/always.ts'
import { checkInvariants } from '../checks/invariants.ts'
import type { Stores } from '../checks/rows.ts'
import type { Entry } from '../workload/client-log.ts'

const AT = Date.UTC(2026, 0, 1)
const LINES = [{ sku: 'apple', qty: 2, unitPrice: 100 }]
const placed = (orderId: string) => ({ orderId, userId: 'ann', currency: 'EUR', total: 200, lines: LINES })

function event (stream: string, version: number, type: string, data: object) {
  return { stream, version, id: `${stream}-${version}`, type: `orders.${type}.v1`, data: JSON.stringify(data), at: AT + version }
}

function command (id: string, grp: string, dest: string, type: string) {
  return { id, kind: 'command', dest: `breakwater-${dest}-in.fifo`, grp, type, sent_at: AT }
}

function reply (id: string, grp: string, type: string) {
  return { id, kind: 'event', dest: 'events', grp, type, sent_at: AT }
}

function document (id: string, version: number, more: object) {
  const doc = { ...placed(id), ...more, version, placedAt: new Date(AT + 1).toISOString(),
    updatedAt: new Date(AT + version).toISOString() }
  return { id, user_id: 'ann', status: (more as { status: string }).status, version, doc: JSON.stringify(doc) }
}

/** One order confirmed, one cancelled behind its payment; all of it in order. */
function quiet (): { stores: Stores, log: Entry[] } {
  const stores: Stores = {
    orders: {
      events: [event('yes', 1, 'OrderPlaced', placed('yes')), event('yes', 2, 'OrderConfirmed', { paymentId: 'p' }),
        event('no', 1, 'OrderPlaced', placed('no')), event('no', 2, 'OrderCancelled', { reason: 'CUSTOMER' })],
      sagas: [{ subject: 'yes', state: 'DONE' }, { subject: 'no', state: 'ABORTED' }],
      outbox: [command('c1', 'yes', 'payments', 'payments.CapturePayment.v1'),
        command('c2', 'no', 'payments', 'payments.CapturePayment.v1'),
        command('c3', 'no', 'payments', 'payments.CancelPayment.v1')],
      inbox: [{ consumer: 'orders', id: 'r1' }, { consumer: 'orders', id: 'u1' }],
      answers: ['k1', 'k2'].map(key => ({ scope: 'POST /orders x', key, status: 202, body: '{}' })),
      resends: 0, timeouts: 0
    },
    users: { ids: ['ann'], answers: [], outbox: [reply('u1', 'ann', 'users.UserRegistered.v1')] },
    payments: {
      accounts: [{ id: 'user:ann', kind: 'user', balance: 800 }, { id: 'merchant:EUR', kind: 'merchant', balance: 0 },
        { id: 'world:EUR', kind: 'world', balance: 0 }],
      entries: [['d', 'world:EUR', -1000], ['d', 'user:ann', 1000], ['c1', 'user:ann', -200], ['c1', 'merchant:EUR', 200],
        ['c2', 'user:ann', -200], ['c2', 'merchant:EUR', 200], ['c3', 'merchant:EUR', -200], ['c3', 'user:ann', 200]]
        .map(([tx, account, amount]) => ({ tx, account, amount }) as Stores['payments']['entries'][number]),
      payments: [{ order_id: 'yes', state: 'CAPTURED', amount: 200 }, { order_id: 'no', state: 'REFUNDED', amount: 200 }],
      outbox: [reply('r1', 'yes', 'payments.PaymentCaptured.v1')],
      inbox: ['c1', 'c2', 'c3'].map(id => ({ consumer: 'payments', id }))
    },
    inventory: {
      stocks: [{ sku: 'apple', onHand: 8, reserved: 0 }],
      reservations: [{ orderId: 'yes', state: 'COMMITTED', lines: [{ sku: 'apple', qty: 2 }] },
        { orderId: 'no', state: 'RELEASED', lines: [{ sku: 'apple', qty: 2 }] }],
      inbox: [], answers: [], sent: []
    },
    history: { documents: [document('yes', 2, { status: 'CONFIRMED', paymentId: 'p' }),
      document('no', 2, { status: 'CANCELLED', reason: 'CUSTOMER' })] },
    dead: [],
    stockViolations: []
  }
  const entry = (kind: Entry['kind'], path: string, body: Entry['body'], status: number, answer: Record<string, unknown>): Entry =>
    ({ n: 1, kind, key: path, path, body, answers: [{ status, body: answer }], silent: 0 })
  const log = [
    entry('register', '/users', {}, 201, { userId: 'ann' }), entry('stock', '/inventory/apple', { add: 10 }, 200, {}),
    entry('deposit', '/accounts/ann/deposits', { amount: 1000 }, 201, {}),
    entry('order', '/orders', {}, 202, { orderId: 'yes' }), entry('order', '/orders', {}, 202, { orderId: 'no' }),
    entry('cancel', '/orders/no/cancel', {}, 202, { orderId: 'no' })
  ]
  return { stores, log }
}

type Change = (stores: Stores, log: Entry[]) => void

/** What is wrong at any moment. */
const ALWAYS: ReadonlyArray<readonly [string, Change]> = [
  ['INV-1 order and saga do not agree', ({ orders }) => { orders.sagas[0]!.state = 'PAYING' }],
  ['INV-1 order and saga do not agree', ({ orders }) => { orders.sagas.pop() }],
  ['INV-1 a saga without an order', ({ orders }) => { orders.sagas.push({ subject: 'x', state: 'PAYING' }) }],
  ['INV-1 an order goes on behind its end', ({ orders }) => { orders.events.push(event('no', 3, 'OrderConfirmed', {})) }],
  ['INV-2 confirmed and not paid', ({ payments }) => { payments.payments[0]!.state = 'VOIDED' }],
  ['INV-2 cancelled and paid', ({ payments }) => { payments.payments[1]!.state = 'CAPTURED' }],
  ['INV-2 paid twice', ({ orders, payments }) => {
    orders.outbox.push(command('c4', 'yes', 'payments', 'payments.CapturePayment.v1'))
    payments.entries.push({ tx: 'c4', account: 'merchant:EUR', amount: 200 })
  }],
  ['INV-2 a booking of no order', ({ payments }) => { payments.entries.push({ tx: 'c9', account: 'merchant:EUR', amount: 1 }) }],
  ['INV-3 below zero, or promised twice', ({ inventory }) => { inventory.stocks[0]!.onHand = -1 }],
  ['INV-3 below zero, or promised twice', ({ inventory }) => { inventory.stocks[0]!.reserved = 9 }],
  ['INV-3 reserved is not what reservations hold', ({ inventory }) => { inventory.stocks[0]!.reserved = 1 }],
  ['INV-3 confirmed and not out of the door', ({ inventory }) => { inventory.reservations[0]!.state = 'RESERVED' }],
  ['INV-3 cancelled and still kept', ({ inventory }) => { inventory.reservations[1]!.state = 'RESERVED' }],
  ['INV-4 a booking does not add up', ({ payments }) => { payments.entries[0]!.amount = -999 }],
  ['INV-4 a balance is not the sum of its entries', ({ payments }) => { payments.accounts[0]!.balance = 1 }],
  ['INV-4 a user\'s balance is below zero', ({ payments }) => { payments.accounts[0]!.balance = -1 }],
  ['INV-5 a document is not the sum of its events', ({ history }) => {
    history.documents[0]!.doc = history.documents[0]!.doc.replace('CONFIRMED', 'PENDING')
  }],
  ['INV-5 a document is not the sum of its events', ({ history }) => { history.documents[0]!.version = 3 }],
  ['INV-5 a list finds an order under something else', ({ history }) => { history.documents[0]!.status = 'PENDING' }],
  ['INV-6 a stream has a hole', ({ orders }) => { orders.events[1]!.version = 3 }],
  ['INV-7 an accepted order is not there', (_stores, log) => { log[3]!.answers[0]!.body.orderId = 'x' }],
  ['INV-7 one key gave two orders', (_stores, log) => { log[3]!.answers.push({ status: 202, body: { orderId: 'no' } }) }],
  ['INV-7 as many orders as keys', ({ orders }) => { orders.answers.pop() }],
  ['INV-7 an accepted cancellation, and confirmed', (_stores, log) => {
    log.push({ ...log[5]!, path: '/orders/yes/cancel' })
  }],
  ['INV-7 a registered user is not there', ({ users }) => { users.ids.pop() }]
]

/** What is wrong only when nothing is under way any more. */
const AT_REST: ReadonlyArray<readonly [string, Change]> = [
  ['INV-1 an order has not ended', ({ orders, payments, inventory, history }) => {
    orders.events.splice(1, 1)
    orders.sagas[0]!.state = 'PAYING'
    payments.payments.shift()
    payments.entries.splice(2, 2)
    Object.assign(payments.accounts[0]!, { balance: 1000 })
    Object.assign(inventory.reservations[0]!, { state: 'RESERVED' })
    Object.assign(inventory.stocks[0]!, { reserved: 2 })
    history.documents.shift()
  }],
  ['INV-2 what is kept is not what the order cost', ({ payments }) => {
    payments.entries.splice(3, 1, { tx: 'c1', account: 'merchant:EUR', amount: 150 }, { tx: 'c1', account: 'world:EUR', amount: 50 })
  }],
  ['INV-3 was not true behind a transaction', ({ stockViolations }) => { stockViolations!.push('apple') }],
  ['INV-3 stock is not what came in less what went out', ({ inventory }) => { inventory.stocks[0]!.onHand = 9 }],
  ['INV-3 something stays reserved, or is below zero', ({ inventory }) => {
    inventory.reservations.push({ orderId: 'x', state: 'RESERVED', lines: [{ sku: 'apple', qty: 1 }] })
    inventory.stocks[0]!.reserved = 1
  }],
  ['INV-4 users and merchant have what was paid in', (_stores, log) => {
    log.push({ ...log[2]!, body: { amount: 1 } })
  }],
  ['INV-5 a document is missing, or old', ({ history }) => { history.documents.pop() }],
  ['INV-6 a message was never sent', ({ orders }) => { orders.outbox[0]!.sent_at = null }],
  ['INV-6 a command never arrived', ({ payments }) => { payments.inbox.pop() }],
  ['INV-6 a reply never arrived', ({ orders }) => { orders.inbox.shift() }],
  ['INV-6 news of a user never arrived', ({ orders }) => { orders.inbox.pop() }],
  ['INV-8 a dead letter that is not ours', ({ dead }) => { dead.push({ queue: 'q', msg_id: 'c1', error: 'x' }) }]
]

const named = (violations: readonly string[]) => violations.map(violation => violation.split(':', 1)[0])

t.test('the rules of the checks', async t => {
  const { stores, log } = quiet()
  t.same(checkInvariants(stores, log), [], 'what is in order is in order')
  for (const [rule, change] of ALWAYS) {
    const spoilt = quiet()
    change(spoilt.stores, spoilt.log)
    t.ok(named(checkAlways(spoilt.stores, spoilt.log)).includes(rule), rule)
  }
  for (const [rule, change] of AT_REST) {
    const spoilt = quiet()
    change(spoilt.stores, spoilt.log)
    t.ok(named(checkInvariants(spoilt.stores, spoilt.log)).includes(rule), rule)
    t.same(checkAlways(spoilt.stores, spoilt.log), [], `${rule}, and before the end it may be so`)
  }
})

t.test('what was done to messages on purpose is no violation', async t => {
  const { stores, log } = quiet()
  stores.payments.inbox.pop()
  t.same(checkInvariants(stores, log, { lost: new Set(['c3']), poisoned: new Set() }), [])
  t.same(named(checkInvariants(stores, log, { lost: new Set(['c3']), poisoned: new Set(['poison-1']) })),
    ['INV-8 poison that is no dead letter'])
})
