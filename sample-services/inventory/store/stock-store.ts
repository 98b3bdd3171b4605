/** Stock and reservations as key-value entries. */
import type { KeyValueReader, KeyValueTx } from '@breakwater/messaging'
import type { Line, Outcome, Reservation, Stock } from '../domain/stock.ts'

type Getter = Pick<KeyValueReader, 'get'>

/** Keys of articles begin with it. */
export const STOCK = 'sku/'
const RESERVATION = 'order/'

export function findStock (reader: Getter, sku: string): Promise<Stock | undefined> {
  return reader.get<Stock>(STOCK + sku)
}

export function putStock (tx: KeyValueTx, stock: Stock): void {
  tx.put(STOCK + stock.sku, stock)
}

export function findReservation (reader: Getter, orderId: string): Promise<Reservation | undefined> {
  return reader.get<Reservation>(RESERVATION + orderId)
}

export async function stocksOf (tx: Getter, lines: readonly Line[]): Promise<Map<string, Stock>> {
  const stocks = new Map<string, Stock>()
  for (const { sku } of lines) {
    const stock = await findStock(tx, sku)
    if (stock !== undefined) stocks.set(sku, stock)
  }
  return stocks
}

export function putOutcome (tx: KeyValueTx, { reservation, stocks }: Outcome): void {
  tx.put(RESERVATION + reservation.orderId, reservation)
  for (const stock of stocks) putStock(tx, stock)
}

export async function allStocks (reader: KeyValueReader, limit: number): Promise<Stock[]> {
  return (await reader.range<Stock>(STOCK, limit)).map(entry => entry.value)
}

export async function allReservations (reader: KeyValueReader, limit: number): Promise<Reservation[]> {
  return (await reader.range<Reservation>(RESERVATION, limit)).map(entry => entry.value)
}
