/** An order as its readers want it: one document, the fold of its events. Pure and deterministic. */

export interface OrderDocument {
  readonly orderId: string
  readonly userId: string
  readonly currency: string
  readonly total: number
  readonly lines: ReadonlyArray<{ readonly sku: string, readonly qty: number, readonly unitPrice: number }>
  readonly status: 'PENDING' | 'CONFIRMED' | 'CANCELLED'
  readonly paymentId?: string
  readonly reason?: string
  /** RFC 3339. */
  readonly placedAt: string
  readonly updatedAt: string
  readonly version: number
}

export interface OrderEvent {
  readonly type: string
  readonly version: number
  readonly at: number
  readonly data: Readonly<Record<string, unknown>>
}

/** One event later. An event nobody here knows changes the version and nothing else. */
export function fold (document: OrderDocument | undefined, { type, version, at, data }: OrderEvent): OrderDocument {
  const updatedAt = new Date(at).toISOString()
  if (type === 'orders.OrderPlaced.v1') {
    const { orderId, userId, currency, total, lines } = data as unknown as OrderDocument
    return { orderId, userId, currency, total, lines: lines.map(({ sku, qty, unitPrice }) => ({ sku, qty, unitPrice })),
      status: 'PENDING', placedAt: updatedAt, updatedAt, version }
  }
  const next = { ...document!, updatedAt, version }
  if (type === 'orders.OrderConfirmed.v1') return { ...next, status: 'CONFIRMED', paymentId: String(data.paymentId) }
  if (type === 'orders.OrderCancelled.v1') return { ...next, status: 'CANCELLED', reason: String(data.reason) }
  return next
}
