/** INV-1 to INV-8: what must be true once it is quiet, whatever happened before. From stores and client log only. */
import type { Entry } from '../workload/client-log.ts'
import type { EventRow, Stores } from './rows.ts'

/** What was done to messages on their way, by id. */
export interface Harms {
  /** Taken from their reader for good. */
  readonly lost: ReadonlySet<string>
  /** Poison that the bus has taken. */
  readonly poisoned: ReadonlySet<string>
}

const NO_HARMS: Harms = { lost: new Set(), poisoned: new Set() }

/** Broken invariants, each with an example; empty is what we want. */
export function checkInvariants (stores: Stores, log: readonly Entry[], harms = NO_HARMS): string[] {
  const streams = Map.groupBy(stores.orders.events, event => event.stream)
  return [
    ...checkEnds(stores, streams), ...checkPayments(stores, streams), ...checkStock(stores, log),
    ...checkLedger(stores, streams, log), ...checkReadModel(stores, streams), ...checkStreams(stores, streams, harms),
    ...checkClients(stores, streams, log), ...checkDeadLetters(stores, harms)
  ]
}

type Streams = Map<string, EventRow[]>

function statusOf (events: readonly EventRow[] | undefined): string {
  const last = events?.at(-1)?.type
  if (last === 'orders.OrderConfirmed.v1') return 'CONFIRMED'
  return last === 'orders.OrderCancelled.v1' ? 'CANCELLED' : 'PENDING'
}

/** Names a broken invariant once, with how often and the first example. */
function broken (name: string, what: string, examples: readonly string[]): string[] {
  return examples.length === 0 ? [] : [`${name} ${what}: ${examples.length} times, first ${examples[0]}`]
}

function checkEnds (stores: Stores, streams: Streams): string[] {
  const sagas = new Map(stores.orders.sagas.map(saga => [saga.subject, saga.state]))
  const expected: Readonly<Record<string, string>> = { CONFIRMED: 'DONE', CANCELLED: 'ABORTED' }
  const bad = [...streams].filter(([id, events]) => expected[statusOf(events)] !== sagas.get(id))
  return [
    ...broken('INV-1', 'order and saga did not end together', bad.map(([id, events]) =>
      `${id} ${statusOf(events)}/${sagas.get(id)}`)),
    ...broken('INV-1', 'a saga without an order', [...sagas.keys()].filter(id => !streams.has(id)))
  ]
}

function checkPayments (stores: Stores, streams: Streams): string[] {
  const state = new Map(stores.payments.payments.map(payment => [payment.order_id, payment.state]))
  const bad = [...streams].filter(([id, events]) => {
    const paid = state.get(id) === 'CAPTURED'
    return paid !== (statusOf(events) === 'CONFIRMED')
  })
  return [
    ...broken('INV-2', 'money kept and order confirmed do not agree', bad.map(([id, events]) =>
      `${id} ${statusOf(events)}/${state.get(id)}`)),
    ...checkBookings(stores, streams)
  ]
}

/** From the bookings themselves: at most one capture per order, kept when confirmed and given back when not. */
function checkBookings (stores: Stores, streams: Streams): string[] {
  const orderOf = new Map(stores.orders.outbox.map(row => [row.id, row.grp]))
  const merchant = stores.payments.entries.filter(entry => entry.account.startsWith('merchant:'))
  const captures = sums(merchant.filter(entry => entry.amount > 0), entry => [orderOf.get(entry.tx) ?? entry.tx, 1])
  const kept = sums(merchant, entry => [orderOf.get(entry.tx) ?? entry.tx, entry.amount])
  return [
    ...broken('INV-2', 'paid twice', [...captures].filter(([, n]) => n > 1).map(([id]) => id)),
    ...broken('INV-2', 'a booking of no order', [...kept.keys()].filter(id => !streams.has(id))),
    ...broken('INV-2', 'what is kept is not what the order cost', [...streams].filter(([id, events]) =>
      (kept.get(id) ?? 0) !== (statusOf(events) === 'CONFIRMED' ? totalOf(events) : 0)).map(([id]) => `${id} ${kept.get(id)}`))
  ]
}

function totalOf (events: readonly EventRow[]): number {
  return (JSON.parse(events[0]!.data) as { total: number }).total
}

function checkStock (stores: Stores, log: readonly Entry[]): string[] {
  const added = sums(log.filter(entry => entry.kind === 'stock' && entry.answers.some(ok)), entry =>
    [decodeURIComponent(entry.path.split('/').at(-1)!), Number(entry.body.add)])
  const committed = sums(stores.inventory.reservations.filter(one => one.state === 'COMMITTED')
    .flatMap(one => one.lines), line => [line.sku, line.qty])
  return [
    ...broken('INV-3', 'was not true behind a transaction', stores.stockViolations ?? ['nobody looked']),
    ...broken('INV-3', 'something stays reserved, or is below zero', stores.inventory.stocks
      .filter(stock => stock.reserved !== 0 || stock.onHand < 0).map(stock => JSON.stringify(stock))),
    ...broken('INV-3', 'stock is not what came in less what went out', stores.inventory.stocks
      .filter(({ sku, onHand }) => onHand !== (added.get(sku) ?? 0) - (committed.get(sku) ?? 0))
      .map(({ sku, onHand }) => `${sku}: ${added.get(sku)} - ${committed.get(sku)} is not ${onHand}`))
  ]
}

function checkLedger (stores: Stores, streams: Streams, log: readonly Entry[]): string[] {
  const { entries, accounts } = stores.payments
  const byTx = sums(entries, entry => [entry.tx, entry.amount])
  const byAccount = sums(entries, entry => [entry.account, entry.amount])
  const users = accounts.filter(account => account.kind === 'user')
  const total = (kind: string) => accounts.filter(account => account.kind === kind)
    .reduce((sum, account) => sum + (byAccount.get(account.id) ?? 0), 0)
  const deposits = log.filter(entry => entry.kind === 'deposit' && entry.answers.some(ok))
    .reduce((sum, entry) => sum + Number(entry.body.amount), 0)
  const confirmed = [...streams.values()].filter(events => statusOf(events) === 'CONFIRMED')
    .reduce((sum, events) => sum + totalOf(events), 0)
  return [
    ...broken('INV-4', 'a booking does not add up', [...byTx].filter(([, sum]) => sum !== 0).map(([tx]) => tx)),
    ...broken('INV-4', 'a balance is not the sum of its entries', users
      .filter(account => account.balance !== (byAccount.get(account.id) ?? 0)).map(account => account.id)),
    ...broken('INV-4', 'a user\'s balance is below zero', users
      .filter(account => account.balance < 0).map(account => account.id)),
    ...equal('INV-4', 'users and merchant have what was paid in', total('user') + total('merchant'), deposits),
    ...equal('INV-4', 'the merchant has what was confirmed', total('merchant'), confirmed)
  ]
}

function checkReadModel (stores: Stores, streams: Streams): string[] {
  const documents = new Map(stores.history.documents.map(({ id, doc }) => [id, canonical(JSON.parse(doc))]))
  const bad = [...streams].filter(([id, events]) => documents.get(id) !== canonical(documentOf(events)))
  return [
    ...broken('INV-5', 'a document is not the sum of its events', bad.map(([id, events]) =>
      `${id} ${documents.get(id)} is not ${canonical(documentOf(events))}`)),
    ...broken('INV-5', 'a document without an order', [...documents.keys()].filter(id => !streams.has(id))),
    ...broken('INV-5', 'a list finds an order under something else', stores.history.documents.filter(row => {
      const doc = JSON.parse(row.doc) as { userId: string, status: string, version: number }
      return row.user_id !== doc.userId || row.status !== doc.status || row.version !== doc.version
    }).map(row => JSON.stringify(row)))
  ]
}

/** The checker's own reading of what the events mean. */
function documentOf (events: readonly EventRow[]): Record<string, unknown> {
  const [placed] = events
  const last = events.at(-1)!
  const data = events.map(event => JSON.parse(event.data) as Record<string, unknown>)
  return { ...data[0], status: statusOf(events), version: events.length,
    placedAt: new Date(placed!.at).toISOString(), updatedAt: new Date(last.at).toISOString(),
    ...(events.length > 1 ? pick(data[1]!, ['paymentId', 'reason']) : {}) }
}

function checkStreams (stores: Stores, streams: Streams, { lost: taken }: Harms): string[] {
  const holes = [...streams].filter(([, events]) => events.some((event, at) => event.version !== at + 1))
  const lost = (rows: Stores['orders']['outbox'], inbox: Set<string>, wanted: (dest: string, type: string) => boolean) =>
    rows.filter(row => wanted(row.dest, row.type) && !inbox.has(row.id) && !taken.has(row.id)).map(row => `${row.type} ${row.id}`)
  const inboxes = { orders: idsOf(stores.orders.inbox), payments: idsOf(stores.payments.inbox),
    inventory: new Set(stores.inventory.inbox) }
  const { outbox: users } = stores.users
  const unsent = [...stores.orders.outbox, ...stores.payments.outbox, ...users].filter(row => row.sent_at === null)
  return [
    ...broken('INV-6', 'a stream has a hole', holes.map(([id]) => id)),
    ...broken('INV-6', 'a message was never sent', unsent.map(row => `${row.type} ${row.id}`)),
    ...broken('INV-6', 'a command never arrived', [
      ...lost(stores.orders.outbox, inboxes.inventory, dest => dest.includes('-inventory-in')),
      ...lost(stores.orders.outbox, inboxes.payments, dest => dest.includes('-payments-in'))]),
    ...broken('INV-6', 'news of a user never arrived', [
      ...lost(users, inboxes.orders, () => true),
      ...lost(users, inboxes.payments, (_dest, type) => type !== 'users.UserRegistered.v1')]),
    ...broken('INV-6', 'a reply never arrived', [
      ...lost(stores.payments.outbox, inboxes.orders, (_dest, type) => type.startsWith('payments.')),
      ...lost(stores.inventory.sent, inboxes.orders, (_dest, type) => type.startsWith('inventory.'))])
  ]
}

function checkClients (stores: Stores, streams: Streams, log: readonly Entry[]): string[] {
  const orders = log.filter(entry => entry.kind === 'order')
  const accepted = orders.filter(entry => entry.answers.some(answer => answer.status === 202))
  const twice = accepted.filter(entry => new Set(entry.answers.filter(answer => answer.status === 202)
    .map(answer => answer.body.orderId)).size > 1)
  const kept = stores.orders.answers.filter(answer => answer.scope.startsWith('POST /orders '))
  const ids = new Set(stores.users.ids)
  return [
    ...broken('INV-7', 'an accepted order is not there', accepted.flatMap(entry => entry.answers)
      .filter(answer => answer.status === 202).map(answer => String(answer.body.orderId))
      .filter(id => !streams.has(id))),
    ...broken('INV-7', 'one key gave two orders', twice.map(entry => entry.key)),
    ...equal('INV-7', 'as many orders as keys', streams.size, kept.length),
    ...broken('INV-7', 'a registered user is not there', log
      .filter(entry => entry.kind === 'register' && entry.answers.some(ok))
      .flatMap(entry => entry.answers.filter(ok).map(answer => String(answer.body.userId))).filter(id => !ids.has(id)))
  ]
}

function checkDeadLetters (stores: Stores, { poisoned }: Harms): string[] {
  const dead = new Set(stores.dead.map(letter => letter.msg_id))
  return [
    ...broken('INV-8', 'a dead letter that is not ours', stores.dead
      .filter(letter => !letter.msg_id.startsWith('poison-')).map(letter => `${letter.queue} ${letter.error}`)),
    ...broken('INV-8', 'poison that is no dead letter', [...poisoned].filter(id => !dead.has(id)))
  ]
}

function ok ({ status }: Entry['answers'][number]): boolean {
  return status >= 200 && status < 300
}

function idsOf (rows: ReadonlyArray<{ id: string }>): Set<string> {
  return new Set(rows.map(row => row.id))
}

function equal (name: string, what: string, is: number, should: number): string[] {
  return is === should ? [] : [`${name} ${what}: ${is}, should be ${should}`]
}

function sums<Item> (items: readonly Item[], of: (item: Item) => [string, number]): Map<string, number> {
  const totals = new Map<string, number>()
  for (const item of items) {
    const [key, amount] = of(item)
    totals.set(key, (totals.get(key) ?? 0) + amount)
  }
  return totals
}

function pick (record: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.filter(name => name in record).map(name => [name, record[name]]))
}

/** JSON with the keys of every object in one order. */
function canonical (value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => part !== null && typeof part === 'object' && !Array.isArray(part)
    ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => a < b ? -1 : 1))
    : part)
}
