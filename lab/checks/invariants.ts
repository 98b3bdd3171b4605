/** INV-1 to INV-8: what must be true once it is quiet, whatever happened before. From stores and client log only. */
import type { Entry } from '../workload/client-log.ts'
import { checkAlways } from './always.ts'
import { broken, equal, ok, statusOf, streamsOf, sums, totalOf, type Streams } from './facts.ts'
import type { Stores } from './rows.ts'

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
  const streams = streamsOf(stores)
  return [
    ...checkAlways(stores, log), ...checkEnds(streams), ...checkStock(stores, log), ...checkMoney(stores, streams, log),
    ...checkReadModel(stores, streams), ...checkArrivals(stores, harms), ...checkDeadLetters(stores, harms)
  ]
}

function checkEnds (streams: Streams): string[] {
  return broken('INV-1', 'an order has not ended', [...streams].filter(([, events]) => statusOf(events) === 'PENDING')
    .map(([id]) => id))
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

function checkMoney (stores: Stores, streams: Streams, log: readonly Entry[]): string[] {
  const { entries, accounts } = stores.payments
  const byAccount = sums(entries, entry => [entry.account, entry.amount])
  const total = (kind: string) => accounts.filter(account => account.kind === kind)
    .reduce((sum, account) => sum + (byAccount.get(account.id) ?? 0), 0)
  const deposits = log.filter(entry => entry.kind === 'deposit' && entry.answers.some(ok))
    .reduce((sum, entry) => sum + Number(entry.body.amount), 0)
  const confirmed = [...streams.values()].filter(events => statusOf(events) === 'CONFIRMED')
    .reduce((sum, events) => sum + totalOf(events), 0)
  const orderOf = new Map(stores.orders.outbox.map(row => [row.id, row.grp]))
  const kept = sums(entries.filter(entry => entry.account.startsWith('merchant:')), entry =>
    [orderOf.get(entry.tx) ?? entry.tx, entry.amount])
  return [
    ...broken('INV-2', 'what is kept is not what the order cost', [...streams].filter(([id, events]) =>
      (kept.get(id) ?? 0) !== (statusOf(events) === 'CONFIRMED' ? totalOf(events) : 0)).map(([id]) => `${id} ${kept.get(id)}`)),
    ...equal('INV-4', 'users and merchant have what was paid in', total('user') + total('merchant'), deposits),
    ...equal('INV-4', 'the merchant has what was confirmed', total('merchant'), confirmed)
  ]
}

/** That no document is wrong is true at any moment; now none is old either. */
function checkReadModel (stores: Stores, streams: Streams): string[] {
  const versions = new Map(stores.history.documents.map(({ id, version }) => [id, version]))
  return broken('INV-5', 'a document is missing, or old', [...streams].filter(([id, events]) =>
    versions.get(id) !== events.length).map(([id, events]) => `${id} ${versions.get(id)} of ${events.length}`))
}

function checkArrivals (stores: Stores, { lost: taken }: Harms): string[] {
  const lost = (rows: Stores['orders']['outbox'], inbox: Set<string>, wanted: (dest: string, type: string) => boolean) =>
    rows.filter(row => wanted(row.dest, row.type) && !inbox.has(row.id) && !taken.has(row.id)).map(row => `${row.type} ${row.id}`)
  const inboxes = { orders: idsOf(stores.orders.inbox), payments: idsOf(stores.payments.inbox),
    inventory: new Set(stores.inventory.inbox) }
  const { outbox: users } = stores.users
  const unsent = [...stores.orders.outbox, ...stores.payments.outbox, ...users].filter(row => row.sent_at === null)
  return [
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

function checkDeadLetters (stores: Stores, { poisoned }: Harms): string[] {
  const dead = new Set(stores.dead.map(letter => letter.msg_id))
  return [
    ...broken('INV-8', 'a dead letter that is not ours', stores.dead
      .filter(letter => !letter.msg_id.startsWith('poison-')).map(letter => `${letter.queue} ${letter.error}`)),
    ...broken('INV-8', 'poison that is no dead letter', [...poisoned].filter(id => !dead.has(id)))
  ]
}

function idsOf (rows: ReadonlyArray<{ id: string }>): Set<string> {
  return new Set(rows.map(row => row.id))
}
