/** Stock and reservations. Pure: records in, changed records and an answer out. */

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

/** All lines or none. `stocks` holds the known articles of the lines. */
export function reserve (
  reservation: Reservation | undefined, fresh: Pick<Reservation, 'orderId' | 'reservationId'>, lines: readonly Line[],
  stocks: ReadonlyMap<string, Stock>
): Outcome {
  if (reservation !== undefined) return repeat(reservation)
  const { orderId } = fresh
  const reject = (data: Record<string, unknown>): Outcome => ({
    reservation: { ...fresh, state: 'REJECTED', lines: [], version: 1 },
    stocks: [],
    answer: { type: 'inventory.StockRejected.v1', data: { orderId, ...data } }
  })
  if (lines.some(({ sku }) => !stocks.has(sku))) return reject({ reason: 'UNKNOWN_SKU' })
  const shortages = lines.flatMap(({ sku, qty }) => {
    const left = available(stocks.get(sku)!)
    return left < qty ? [{ sku, wanted: qty, available: left }] : []
  })
  if (shortages.length > 0) return reject({ reason: 'OUT_OF_STOCK', shortages })
  return {
    reservation: { ...fresh, state: 'RESERVED', lines, version: 1 },
    stocks: change(lines, stocks, (stock, qty) => ({ ...stock, reserved: stock.reserved + qty })),
    answer: { type: 'inventory.StockReserved.v1', data: { orderId, reservationId: fresh.reservationId } }
  }
}

/** Never refused: what is not reserved is released already, and stays so. */
export function release (
  reservation: Reservation | undefined, fresh: Pick<Reservation, 'orderId' | 'reservationId'>,
  stocks: ReadonlyMap<string, Stock>
): Outcome {
  const known: Reservation = reservation ?? { ...fresh, state: 'RELEASED', lines: [], version: 0 }
  const held = known.state === 'RESERVED'
  if (known.state === 'COMMITTED') throw new Error(`order ${known.orderId} is committed and cannot be released`)
  return {
    reservation: { ...known, state: 'RELEASED', version: known.version + 1 },
    stocks: held
      ? change(known.lines, stocks, (stock, qty) => ({ ...stock, reserved: stock.reserved - qty }))
      : [],
    answer: { type: 'inventory.StockReleased.v1', data: { orderId: known.orderId, released: held } }
  }
}

/** Never refused for what was reserved; anything else is a fault of the sender. */
export function commit (reservation: Reservation | undefined, stocks: ReadonlyMap<string, Stock>): Outcome {
  if (reservation?.state === 'COMMITTED') return { reservation, stocks: [], answer: committed(reservation) }
  if (reservation?.state !== 'RESERVED') throw new Error('there is no reservation to commit')
  return {
    reservation: { ...reservation, state: 'COMMITTED', version: reservation.version + 1 },
    stocks: change(reservation.lines, stocks, (stock, qty) =>
      ({ ...stock, onHand: stock.onHand - qty, reserved: stock.reserved - qty })),
    answer: committed(reservation)
  }
}

function repeat (reservation: Reservation): Outcome {
  const { orderId, reservationId, state } = reservation
  const refusal = state === 'RELEASED' ? 'RELEASED' : 'OUT_OF_STOCK'
  const answer: Answer = state === 'RESERVED' || state === 'COMMITTED'
    ? { type: 'inventory.StockReserved.v1', data: { orderId, reservationId } }
    : { type: 'inventory.StockRejected.v1', data: { orderId, reason: refusal } }
  return { reservation, stocks: [], answer }
}

function committed ({ orderId }: Reservation): Answer {
  return { type: 'inventory.StockCommitted.v1', data: { orderId } }
}

function change (
  lines: readonly Line[], stocks: ReadonlyMap<string, Stock>, step: (stock: Stock, qty: number) => Stock
): Stock[] {
  return lines.map(({ sku, qty }) => step(stocks.get(sku)!, qty))
}
