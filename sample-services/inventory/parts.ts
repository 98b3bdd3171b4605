/** What inventory is made of, wherever it runs: as a process of its own (`inventory.ts`), or in a world of a test. */
import {
  Schemas, type Emitter, type Envelope, type KeyValueTx, type MessageRoute, type MessagingParts
} from '@breakwater/messaging'
import { commit, release, reserve, type Line, type Outcome, type Reservation } from './domain/stock.ts'
import { MESSAGES } from './messages.ts'
import { findReservation, putOutcome, stocksOf } from './store/stock-store.ts'

const schemas = new Schemas(MESSAGES)

export function inventoryParts (): Pick<MessagingParts<KeyValueTx>, 'schemas' | 'routes'> {
  return { schemas, routes: {
    'inventory.ReserveStock.v1': command(async (message, reservation, tx, emit) => {
      const lines = message.data.lines as Line[]
      return reserve(reservation, fresh(message, emit), lines, await stocksOf(tx, lines))
    }),
    'inventory.ReleaseStock.v1': command(async (message, reservation, tx, emit) =>
      release(reservation, fresh(message, emit), await stocksOf(tx, reservation?.lines ?? []))),
    'inventory.CommitStock.v1': command(async (message, reservation, tx) =>
      commit(message.subject, reservation, await stocksOf(tx, reservation?.lines ?? [])))
  } }
}

type Decide =
  (message: Envelope, reservation: Reservation | undefined, tx: KeyValueTx, emit: Emitter) => Promise<Outcome>

/** Load, decide, save, answer. */
function command (decide: Decide): MessageRoute<KeyValueTx> {
  return {
    kind: 'command',
    handle: async (message: Envelope, tx: KeyValueTx, emit: Emitter) => {
      const outcome = await decide(message, await findReservation(tx, message.subject), tx, emit)
      putOutcome(tx, outcome)
      await emit.event({ type: outcome.answer.type, subject: message.subject, aggregateType: 'reservation',
        aggregateVersion: outcome.reservation.version, data: outcome.answer.data })
    }
  }
}

function fresh (message: Envelope, emit: Emitter): Pick<Reservation, 'orderId' | 'reservationId'> {
  return { orderId: message.subject, reservationId: emit.id() }
}
