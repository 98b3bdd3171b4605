/** Stock and reservations. Pure: records in, changed records and an answer out. */
import { Poison } from '@breakwater/messaging'
import { inventoryError } from '../errors.ts'

/** Of one article. Nobody reserves more than there is, so no sum in here is larger. */
export const MAX_STOCK = 1_000_000_000

export interface Stock {
  readonly sku: string
  readonly onHand: number
  readonly reserved: number
}

export interface Line {
  readonly sku: string
  readonly qty: number
}

/** One order's claim. RELEASED is also a tombstone: a reservation that comes after its release is refused. */
export interface Reservation {
  readonly orderId: string
  readonly reservationId: string
  readonly state: 'RESERVED' | 'REJECTED' | 'RELEASED' | 'COMMITTED'
  readonly lines: readonly Line[]
  readonly version: number
  /** What a rejection said, to be said again. */
  readonly rejection?: Rejection
}

export interface Rejection {
  readonly reason: 'OUT_OF_STOCK' | 'UNKNOWN_SKU'
  readonly shortages?: ReadonlyArray<{ readonly sku: string, readonly wanted: number, readonly available: number }>
}

export interface Answer {
  readonly type: string
  readonly data: Record<string, unknown>
}

export interface Outcome {
  readonly reservation: Reservation
  readonly stocks: readonly Stock[]
  readonly answer: Answer
}

export function available (stock: Stock): number {
  return stock.onHand - stock.reserved
}

/** What is on the shelf from now on: counted, or so much more. */
export function count (stock: Stock, { onHand, add = 0 }: { onHand?: number, add?: number }): Stock {
  const counted: Stock = { ...stock, onHand: onHand ?? stock.onHand + add }
  if (counted.onHand > MAX_STOCK) throw inventoryError('STOCK_LIMIT', [MAX_STOCK, stock.sku])
  if (available(counted) < 0) throw inventoryError('STOCK_RESERVED', [stock.reserved, stock.sku, counted.onHand])
  return counted
}

/** All lines or none. `stocks` holds the known articles of the lines. */
export function reserve (
  reservation: Reservation | undefined, fresh: Pick<Reservation, 'orderId' | 'reservationId'>, wanted: readonly Line[],
  stocks: ReadonlyMap<string, Stock>
): Outcome {
  if (reservation !== undefined) return repeat(reservation)
  const lines = bySku(wanted)
  const reject = (rejection: Rejection): Outcome =>
    repeat({ ...fresh, state: 'REJECTED', lines: [], version: 1, rejection })
  if (lines.some(({ sku }) => !stocks.has(sku))) return reject({ reason: 'UNKNOWN_SKU' })
  const shortages = lines.flatMap(({ sku, qty }) => {
    const left = available(stocks.get(sku)!)
    return left < qty ? [{ sku, wanted: qty, available: left }] : []
  })
  if (shortages.length > 0) return reject({ reason: 'OUT_OF_STOCK', shortages })
  return {
    ...repeat({ ...fresh, state: 'RESERVED', lines, version: 1 }),
    stocks: change(lines, stocks, (stock, qty) => ({ ...stock, reserved: stock.reserved + qty }))
  }
}

/**
 * Never refused: what is not reserved is released already, and stays so. What has left the house is another matter: no
 * saga asks for that, and an answer would end one that is wrong. It is for a person, who finds it in the dead letters.
 */
export function release (
  reservation: Reservation | undefined, fresh: Pick<Reservation, 'orderId' | 'reservationId'>,
  stocks: ReadonlyMap<string, Stock>
): Outcome {
  const known: Reservation = reservation ?? { ...fresh, state: 'RELEASED', lines: [], version: 0 }
  const held = known.state === 'RESERVED'
  if (known.state === 'COMMITTED') throw new Poison(`the stock of order ${known.orderId} is committed, not released`)
  return {
    reservation: { ...known, state: 'RELEASED', version: known.version + 1 },
    stocks: held
      ? change(known.lines, stocks, (stock, qty) => ({ ...stock, reserved: stock.reserved - qty }))
      : [],
    answer: { type: 'inventory.StockReleased.v1', data: { orderId: known.orderId, released: held } }
  }
}

/** Never refused for what was reserved; anything else is for a person, as in {@link release}. */
export function commit (
  orderId: string, reservation: Reservation | undefined, stocks: ReadonlyMap<string, Stock>
): Outcome {
  if (reservation?.state === 'COMMITTED') return { reservation, stocks: [], answer: committed(reservation) }
  if (reservation?.state !== 'RESERVED') {
    throw new Poison(`nothing is reserved for order ${orderId} (${reservation?.state ?? 'never was'})`)
  }
  return {
    reservation: { ...reservation, state: 'COMMITTED', version: reservation.version + 1 },
    stocks: change(reservation.lines, stocks, (stock, qty) =>
      ({ ...stock, onHand: stock.onHand - qty, reserved: stock.reserved - qty })),
    answer: committed(reservation)
  }
}

/** The answer that a reservation stands for; the first time and every time. */
function repeat (reservation: Reservation): Outcome {
  const { orderId, reservationId, state, rejection = { reason: 'OUT_OF_STOCK' } } = reservation
  const refusal = state === 'RELEASED' ? { reason: 'RELEASED' } : rejection
  const answer: Answer = state === 'RESERVED' || state === 'COMMITTED'
    ? { type: 'inventory.StockReserved.v1', data: { orderId, reservationId } }
    : { type: 'inventory.StockRejected.v1', data: { orderId, ...refusal } }
  return { reservation, stocks: [], answer }
}

/** One line an article: a sender that writes it in two wants both. */
function bySku (lines: readonly Line[]): Line[] {
  const wanted = new Map<string, number>()
  for (const { sku, qty } of lines) wanted.set(sku, (wanted.get(sku) ?? 0) + qty)
  return [...wanted].map(([sku, qty]) => ({ sku, qty }))
}

function committed ({ orderId }: Reservation): Answer {
  return { type: 'inventory.StockCommitted.v1', data: { orderId } }
}

function change (
  lines: readonly Line[], stocks: ReadonlyMap<string, Stock>, step: (stock: Stock, qty: number) => Stock
): Stock[] {
  return lines.map(({ sku, qty }) => step(stocks.get(sku)!, qty))
}
