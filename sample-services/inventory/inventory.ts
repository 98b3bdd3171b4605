/**
 * The inventory service: what is on the shelf and for whom it is kept.
 *
 *   ReserveStock -> all lines or none -> StockReserved | StockRejected
 *   ReleaseStock -> undo, or a tombstone for a reservation that is still on its way -> StockReleased
 *   CommitStock  -> out of the door -> StockCommitted
 *
 * Each in one transaction with its answer. Key-value, because all it asks for is a counter by its key.
 */
import {
  createMessaging, observe, openKeyValueStore, operatorRoutes, Schemas, uuidv7, type Emitter, type Envelope,
  type KeyValueTx, type MessageRoute
} from '@breakwater/messaging'
import { service, type MainArgs, type Running } from '@breakwater/starter'
import { commit, release, reserve, type Line, type Outcome, type Reservation } from './domain/stock.ts'
import { stockRoutes } from './http/routes.ts'
import { MESSAGES } from './messages.ts'
import { openApi } from './openapi.ts'
import { findReservation, putOutcome, stocksOf } from './store/stock-store.ts'
import { watchStock } from './store/watched-stock.ts'

const NAME = 'inventory'

export async function startInventory ({ settings, log }: MainArgs): Promise<Running> {
  const app = await service({ name: NAME, settings, log })
  await openApi(app)
  const opened = await openKeyValueStore(settings, NAME)
  const watch = settings.string('breakwater.inventory.watch', '')
  const store = watch === '' ? opened : watchStock(opened, watch)
  const schemas = new Schemas(MESSAGES)
  const messaging = await createMessaging(settings, { service: NAME, store, schemas, log, spans: app.spans, routes: {
    'inventory.ReserveStock.v1': command((message, reservation, tx) => onReserve(message, reservation, tx)),
    'inventory.ReleaseStock.v1': command(async (message, reservation, tx) =>
      release(reservation, fresh(message), await stocksOf(tx, reservation?.lines ?? []))),
    'inventory.CommitStock.v1': command(async (_message, reservation, tx) =>
      commit(reservation, await stocksOf(tx, reservation?.lines ?? [])))
  } })
  await messaging.start()
  app.addHook('onClose', async () => {
    await messaging.stop()
    await store.close()
  })
  stockRoutes(app, messaging, store.read)
  operatorRoutes(app, () => messaging)
  observe(app, () => messaging)
  return app.start()
}

type Decide = (message: Envelope, reservation: Reservation | undefined, tx: KeyValueTx) => Promise<Outcome>

/** Load, decide, save, answer. */
function command (decide: Decide): MessageRoute<KeyValueTx> {
  return {
    kind: 'command',
    handle: async (message: Envelope, tx: KeyValueTx, emit: Emitter) => {
      const outcome = await decide(message, await findReservation(tx, message.subject), tx)
      putOutcome(tx, outcome)
      await emit.event({ type: outcome.answer.type, subject: message.subject, aggregateType: 'reservation',
        aggregateVersion: outcome.reservation.version, data: outcome.answer.data })
    }
  }
}

async function onReserve (
  message: Envelope, reservation: Reservation | undefined, tx: KeyValueTx
): Promise<Outcome> {
  const lines = message.data.lines as Line[]
  return reserve(reservation, fresh(message), lines, await stocksOf(tx, lines))
}

function fresh (message: Envelope): Pick<Reservation, 'orderId' | 'reservationId'> {
  return { orderId: message.subject, reservationId: uuidv7() }
}
