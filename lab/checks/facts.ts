/** What the rows say, in the checker's own reading, and how a broken rule is told. */
import type { Entry } from '../workload/client-log.ts'
import type { EventRow, Stores } from './rows.ts'

/** The events of each order. */
export type Streams = ReadonlyMap<string, readonly EventRow[]>

export function streamsOf (stores: Stores): Streams {
  return Map.groupBy(stores.orders.events, event => event.stream)
}

export function statusOf (events: readonly EventRow[] | undefined): 'PENDING' | 'CONFIRMED' | 'CANCELLED' {
  const last = events?.at(-1)?.type
  if (last === 'orders.OrderConfirmed.v1') return 'CONFIRMED'
  return last === 'orders.OrderCancelled.v1' ? 'CANCELLED' : 'PENDING'
}

/** The orders in a status. */
export function idsIn (streams: Streams, status: ReturnType<typeof statusOf>): string[] {
  return [...streams].filter(([, events]) => statusOf(events) === status).map(([id]) => id)
}

export function totalOf (events: readonly EventRow[]): number {
  return (JSON.parse(events[0]!.data) as { total: number }).total
}

/** The document that these events make. */
export function documentOf (events: readonly EventRow[]): Record<string, unknown> {
  const [placed] = events
  const last = events.at(-1)!
  const data = events.map(event => JSON.parse(event.data) as Record<string, unknown>)
  return { ...data[0], status: statusOf(events), version: events.length,
    placedAt: new Date(placed!.at).toISOString(), updatedAt: new Date(last.at).toISOString(),
    ...(events.length > 1 ? pick(data[1]!, ['paymentId', 'reason']) : {}) }
}

/** Names a broken invariant once, with how often and the first example. */
export function broken (name: string, what: string, examples: readonly string[]): string[] {
  return examples.length === 0 ? [] : [`${name} ${what}: ${examples.length} times, first ${examples[0]}`]
}

export function equal (name: string, what: string, is: number, should: number): string[] {
  return is === should ? [] : [`${name} ${what}: ${is}, should be ${should}`]
}

export function ok ({ status }: Entry['answers'][number]): boolean {
  return status >= 200 && status < 300
}

export function sums<Item> (items: readonly Item[], of: (item: Item) => [string, number]): Map<string, number> {
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
export function canonical (value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => part !== null && typeof part === 'object' && !Array.isArray(part)
    ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => a < b ? -1 : 1))
    : part)
}
