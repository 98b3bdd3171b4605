/**
 * What must be true at any moment, whatever is under way: of one store because a transaction is there whole or not at
 * all, and of several because whoever tells has made sure before that it stays so.
 */
import type { Entry } from '../workload/client-log.ts'
import {
  broken, canonical, documentOf, equal, idsIn, ok, statusOf, streamsOf, sums, type Streams
} from './facts.ts'
import type { Stores } from './rows.ts'

export function checkAlways (stores: Stores, log: readonly Entry[]): string[] {
  const streams = streamsOf(stores)
  return [...checkOrders(stores, streams), ...checkMoney(stores, streams), ...checkShelves(stores, streams),
    ...checkDocuments(stores, streams), ...checkPromises(stores, streams, log)]
}

const STATES = { PENDING: undefined, CONFIRMED: 'DONE', CANCELLED: 'ABORTED' } as const
const ENDS = new Set(['DONE', 'ABORTED'])

function checkOrders (stores: Stores, streams: Streams): string[] {
  const sagas = new Map(stores.orders.sagas.map(saga => [saga.subject, saga.state]))
  const apart = [...streams].filter(([id, events]) => {
    const state = sagas.get(id) ?? ''
    return STATES[statusOf(events)] !== (ENDS.has(state) ? state : undefined) || state === ''
  })
  return [
    ...broken('INV-1', 'order and saga do not agree', apart.map(([id, events]) => `${id} ${statusOf(events)}/${sagas.get(id)}`)),
    ...broken('INV-1', 'a saga without an order', [...sagas.keys()].filter(id => !streams.has(id))),
    ...broken('INV-1', 'an order goes on behind its end', [...streams].filter(([, events]) =>
      events.length > 1 && statusOf(events.slice(0, -1)) !== 'PENDING').map(([id]) => id)),
    ...broken('INV-6', 'a stream has a hole', [...streams].filter(([, events]) =>
      events.some((event, at) => event.version !== at + 1)).map(([id]) => id))
  ]
}

function checkMoney (stores: Stores, streams: Streams): string[] {
  const { entries, accounts, payments } = stores.payments
  const byTx = sums(entries, entry => [entry.tx, entry.amount])
  const byAccount = sums(entries, entry => [entry.account, entry.amount])
  const users = accounts.filter(account => account.kind === 'user')
  const paid = new Set(payments.filter(({ state }) => state === 'CAPTURED').map(payment => payment.order_id))
  return [
    ...broken('INV-2', 'confirmed and not paid', idsIn(streams, 'CONFIRMED').filter(id => !paid.has(id))),
    ...broken('INV-2', 'cancelled and paid', idsIn(streams, 'CANCELLED').filter(id => paid.has(id))),
    ...checkBookings(stores, streams),
    ...broken('INV-4', 'a booking does not add up', [...byTx].filter(([, sum]) => sum !== 0).map(([tx]) => tx)),
    ...broken('INV-4', 'a balance is not the sum of its entries', users
      .filter(account => account.balance !== (byAccount.get(account.id) ?? 0)).map(account => account.id)),
    ...broken('INV-4', 'a user\'s balance is below zero', users
      .filter(account => account.balance < 0).map(account => account.id))
  ]
}

/** From the bookings themselves: at most one capture for an order, and none for what is no order. */
function checkBookings (stores: Stores, streams: Streams): string[] {
  const orderOf = new Map(stores.orders.outbox.map(row => [row.id, row.grp]))
  const merchant = stores.payments.entries.filter(entry => entry.account.startsWith('merchant:'))
  const order = (entry: { tx: string }) => orderOf.get(entry.tx) ?? entry.tx
  const captures = sums(merchant.filter(entry => entry.amount > 0), entry => [order(entry), 1])
  return [
    ...broken('INV-2', 'paid twice', [...captures].filter(([, n]) => n > 1).map(([id]) => id)),
    ...broken('INV-2', 'a booking of no order', merchant.map(order).filter(id => !streams.has(id)))
  ]
}

function checkShelves (stores: Stores, streams: Streams): string[] {
  const { stocks, reservations } = stores.inventory
  const stateOf = new Map(reservations.map(one => [one.orderId, one.state]))
  const held = sums(reservations.filter(one => one.state === 'RESERVED').flatMap(one => one.lines), line =>
    [line.sku, line.qty])
  return [
    ...broken('INV-3', 'below zero, or promised twice', stocks.filter(({ onHand, reserved }) =>
      onHand < 0 || reserved < 0 || reserved > onHand).map(stock => JSON.stringify(stock))),
    ...broken('INV-3', 'reserved is not what reservations hold', stocks
      .filter(({ sku, reserved }) => reserved !== (held.get(sku) ?? 0)).map(stock => JSON.stringify(stock))),
    ...broken('INV-3', 'confirmed and not out of the door', idsIn(streams, 'CONFIRMED')
      .filter(id => stateOf.get(id) !== 'COMMITTED')),
    ...broken('INV-3', 'cancelled and still kept', idsIn(streams, 'CANCELLED')
      .filter(id => ['RESERVED', 'COMMITTED'].includes(stateOf.get(id) ?? '')))
  ]
}

/** A document may be old, never wrong. */
function checkDocuments (stores: Stores, streams: Streams): string[] {
  const { documents } = stores.history
  const wrong = documents.filter(({ id, version, doc }) => {
    const events = streams.get(id)?.slice(0, version) ?? []
    return events.length !== version || canonical(JSON.parse(doc)) !== canonical(documentOf(events))
  })
  return [
    ...broken('INV-5', 'a document is not the sum of its events', wrong.map(({ id, doc }) =>
      `${id} ${doc} of ${JSON.stringify(streams.get(id))}`)),
    ...broken('INV-5', 'a list finds an order under something else', documents.filter(row => {
      const doc = JSON.parse(row.doc) as { userId: string, status: string, version: number }
      return row.user_id !== doc.userId || row.status !== doc.status || row.version !== doc.version
    }).map(row => JSON.stringify(row)))
  ]
}

/** What clients were told is so. */
function checkPromises (stores: Stores, streams: Streams, log: readonly Entry[]): string[] {
  const of = (kind: Entry['kind']) => log.filter(entry => entry.kind === kind)
  const told = (entry: Entry, name: string) => entry.answers.filter(ok).map(({ body }) => String(body[name]))
  const kept = stores.orders.answers.filter(answer => answer.scope.startsWith('POST /orders '))
  const cancelled = of('cancel').filter(entry => entry.answers.some(ok)).map(entry => entry.path.split('/')[2]!)
  const users = new Set(stores.users.ids)
  return [
    ...broken('INV-7', 'an accepted order is not there', of('order')
      .flatMap(entry => told(entry, 'orderId')).filter(id => !streams.has(id))),
    ...broken('INV-7', 'one key gave two orders', of('order')
      .filter(entry => new Set(told(entry, 'orderId')).size > 1).map(({ key }) => key)),
    ...equal('INV-7', 'as many orders as keys', streams.size, kept.length),
    ...broken('INV-7', 'an accepted cancellation, and confirmed', cancelled
      .filter(id => statusOf(streams.get(id)) === 'CONFIRMED')),
    ...broken('INV-7', 'a registered user is not there', of('register')
      .flatMap(entry => told(entry, 'userId')).filter(id => !users.has(id)))
  ]
}
