/** What payments is made of, wherever it runs: as a process of its own (`payments.ts`), or in a world of a test. */
import {
  Schemas, systemClock, type Clock, type Emitter, type Envelope, type MessageRoute, type MessagingParts, type SqlTx
} from '@breakwater/messaging'
import { cancel, capture, merchantAccount, type CaptureRequest, type Outcome, type Payment } from './domain/payment.ts'
import { MESSAGES, USER_EVENTS } from './messages.ts'
import { findAccount, findPayment, keepFrozen, move, openAccount, putPayment } from './store/ledger.ts'

export { LEDGER_TABLES as PAYMENTS_TABLES } from './store/ledger.ts'

const schemas = new Schemas(MESSAGES)

/** `slowMs` makes the participant slow, for trying out what that does to others. */
export function paymentsParts (
  slowMs = 0, clock: Clock = systemClock
): Pick<MessagingParts<SqlTx>, 'schemas' | 'subscribe' | 'routes'> {
  const slow = async (): Promise<void> => { if (slowMs > 0) await clock.delay(slowMs) }
  return {
    schemas,
    subscribe: [{ service: 'users', types: USER_EVENTS }],
    routes: {
      'payments.CapturePayment.v1': { prepare: slow, ...command(async (message, payment, tx, emit) => {
        const request = { ...message.data as unknown as CaptureRequest, orderId: message.subject }
        return capture(payment, request, await findAccount(tx, request.userId), emit.id())
      }) },
      'payments.CancelPayment.v1': command(async (message, payment, _tx, emit) =>
        cancel(payment, message.subject, emit.id())),
      'users.UserSuspended.v1': freeze(true),
      'users.UserReactivated.v1': freeze(false)
    }
  }
}

type Decide = (message: Envelope, payment: Payment | undefined, tx: SqlTx, emit: Emitter) => Promise<Outcome>

/** Load, decide, book, answer. */
function command (decide: Decide): MessageRoute<SqlTx> {
  return {
    kind: 'command',
    handle: async (message, tx, emit) => {
      const { payment, transfer, answer } = await decide(message, await findPayment(tx, message.subject), tx, emit)
      await putPayment(tx, payment)
      if (transfer !== undefined) {
        await openAccount(tx, merchantAccount(payment.currency), payment.currency)
        await move(tx, message.id, transfer, Date.parse(message.time))
      }
      await emit.event({ type: answer.type, subject: message.subject, aggregateType: 'payment',
        aggregateVersion: payment.version, data: answer.data })
    }
  }
}

function freeze (frozen: boolean): MessageRoute<SqlTx> {
  return { kind: 'event',
    handle: (message, tx) => keepFrozen(tx, message.subject, frozen, message.aggregateversion) }
}
