/**
 * Where the order's stream and its saga meet: both change in one transaction, each event of the stream is published as
 * the message with the same id.
 */
import { Sagas, type Emitter, type SqlTx } from '@breakwater/messaging'
import type { OrderEvent } from './domain/order.ts'
import { placeOrderSaga, type PlaceOrder, type SagaTimes } from './domain/place-order-saga.ts'
import { appendEvent, loadOrder } from './store/event-store.ts'

const FINAL = new Set(['COMMITTING', 'DONE'])

export class PlaceOrderProcess {
  readonly sagas: Sagas<PlaceOrder>

  constructor (times: SagaTimes, random: () => number = Math.random) {
    this.sagas = new Sagas<PlaceOrder>(placeOrderSaga(times, random), async (tx, emit, saga, event) => {
      const data = { ...event.data, orderId: saga.subject }
      await this.#record(tx, emit, saga.subject, { type: event.type, data } as OrderEvent, saga.id)
    })
  }

  /** The order's first event and its saga's first command. */
  async begin (tx: SqlTx, emit: Emitter, orderId: string, placed: OrderEvent): Promise<string> {
    await this.#record(tx, emit, orderId, placed, undefined)
    const { userId, currency, total, lines } = (placed as OrderEvent & { type: 'orders.OrderPlaced.v1' }).data
    return this.sagas.begin(tx, emit, orderId, { orderId, userId, currency, total,
      lines: lines.map(({ sku, qty }) => ({ sku, qty })) })
  }

  /** False when the order is past the point where it could be undone. */
  async cancel (tx: SqlTx, emit: Emitter, orderId: string): Promise<boolean> {
    const result = await this.sagas.cancel(tx, emit, orderId, 'CUSTOMER')
    return result !== undefined && !FINAL.has(result.from)
  }

  async #record (
    tx: SqlTx, emit: Emitter, orderId: string, event: OrderEvent, sagaId: string | undefined
  ): Promise<void> {
    const version = ((await loadOrder(tx, orderId))?.version ?? 0) + 1
    const message = await emit.event({ type: event.type, subject: orderId, aggregateType: 'order',
      aggregateVersion: version, data: { ...event.data }, correlationId: sagaId })
    await appendEvent(tx, orderId, { id: message.id, version, event, at: Date.parse(message.time) })
  }
}
