/** What inventory is made of, wherever it runs: as a process of its own (`inventory.ts`), or in a world of a test. */
import {
  Schemas, uuidv7, type Emitter, type Envelope, type KeyValueTx, type MessageRoute, type MessagingParts
} from '@breakwater/messaging'
import { commit, release, reserve, type Line, type Outcome, type Reservation } from './domain/stock.ts'
import { MESSAGES } from './messages.ts'
import { findReservation, putOutcome, stocksOf } from './store/stock-store.ts'

const schemas = new Schemas(MESSAGES)

export function inventoryParts (): Pick<MessagingParts<KeyValueTx>, 'schemas' | 'routes'> {
  return { schemas, routes: {
    'inventory.ReserveStock.v1': command((message, reservation, tx) => onReserve(message, reservation, tx)),
    'inventory.ReleaseStock.v1': command(async (message, reservation, tx) =>
      release(reservation, fresh(message), await stocksOf(tx, reservation?.lines ?? []))),
    'inventory.CommitStock.v1': command(async (_message, reservation, tx) =>
      commit(reservation, await stocksOf(tx, reservation?.lines ?? [])))
  } }
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
