/** An order as the sum of its events. Pure. */
import { orderError } from '../errors.ts'

export interface OrderLine {
  readonly sku: string
  readonly qty: number
  /** Minor units. */
  readonly unitPrice: number
}

export interface OrderRequest {
  readonly userId: string
  readonly currency: string
  readonly lines: readonly OrderLine[]
}

export type CancelReason = 'OUT_OF_STOCK' | 'UNKNOWN_SKU' | 'PAYMENT_DECLINED' | 'TIMEOUT' | 'CUSTOMER'

export type OrderEvent =
  | { readonly type: 'orders.OrderPlaced.v1', readonly data: OrderRequest & { orderId: string, total: number } }
  | { readonly type: 'orders.OrderConfirmed.v1', readonly data: { orderId: string, paymentId: string } }
  | { readonly type: 'orders.OrderCancelled.v1', readonly data: { orderId: string, reason: CancelReason } }

export interface Order {
  readonly orderId: string
  readonly status: 'PENDING' | 'CONFIRMED' | 'CANCELLED'
  readonly version: number
}

/** Checks what a schema cannot, and adds up. */
export function place (orderId: string, request: OrderRequest): OrderEvent {
  const seen = new Set<string>()
  for (const { sku } of request.lines) {
    if (seen.has(sku)) throw orderError('SKU_TWICE', [sku])
    seen.add(sku)
  }
  // Sums of what is not negative never come back below a limit that they have passed, rounded or not.
  const total = request.lines.reduce((sum, line) => sum + line.qty * line.unitPrice, 0)
  if (!Number.isSafeInteger(total)) throw orderError('TOTAL_TOO_LARGE')
  return { type: 'orders.OrderPlaced.v1', data: { orderId, total, userId: request.userId, currency: request.currency,
    lines: request.lines.map(({ sku, qty, unitPrice }) => ({ sku, qty, unitPrice })) } }
}

/** One event later. */
export function evolve (order: Order | undefined, event: OrderEvent): Order {
  const version = (order?.version ?? 0) + 1
  switch (event.type) {
    case 'orders.OrderPlaced.v1': return { orderId: event.data.orderId, status: 'PENDING', version }
    case 'orders.OrderConfirmed.v1': return { ...order!, status: 'CONFIRMED', version }
    case 'orders.OrderCancelled.v1': return { ...order!, status: 'CANCELLED', version }
  }
}
