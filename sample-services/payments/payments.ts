/**
 * The payments service: a ledger and what orders ask of it.
 *
 *   CapturePayment -> account good for it? -> entries and payment -> PaymentCaptured | PaymentDeclined
 *   CancelPayment  -> refund, or a tombstone for a capture that is still on its way -> PaymentRefunded | PaymentVoided
 *
 * Each in one transaction with its answer. The order's id is the payment's key: nobody pays twice.
 */
import {
  createMessaging, openSqlStore, observe, operatorRoutes, Schemas, uuidv7, type Envelope, type MessageRoute, type SqlTx
} from '@breakwater/messaging'
import { service, type MainArgs, type Running } from '@breakwater/starter'
import { setTimeout as delay } from 'node:timers/promises'
import { cancel, capture, merchantAccount, type CaptureRequest, type Outcome, type Payment } from './domain/payment.ts'
import { paymentRoutes } from './http/routes.ts'
import { MESSAGES, USER_EVENTS } from './messages.ts'
import { openApi } from './openapi.ts'
import { findAccount, findPayment, keepFrozen, LEDGER_TABLES, move, openAccount, putPayment } from './store/ledger.ts'

const NAME = 'payments'

export async function startPayments ({ settings, log }: MainArgs): Promise<Running> {
  const app = await service({ name: NAME, settings, log })
  await openApi(app)
  const store = await openSqlStore(settings, NAME, LEDGER_TABLES)
  const slowMs = settings.durationMs('breakwater.payments.slow', 0)
  const messaging = await createMessaging(settings, { service: NAME, store, schemas: new Schemas(MESSAGES), log,
    spans: app.spans, subscribe: [{ service: 'users', types: USER_EVENTS }], routes: {
      'payments.CapturePayment.v1': command(slowMs, async (message, payment, tx) => {
        const request = message.data as unknown as CaptureRequest
        return capture(payment, request, await findAccount(tx, request.userId), uuidv7())
      }),
      'payments.CancelPayment.v1': command(0, async (message, payment) => cancel(payment, message.subject, uuidv7())),
      'users.UserSuspended.v1': freeze(true),
      'users.UserReactivated.v1': freeze(false)
    } })
  await messaging.start()
  app.addHook('onClose', async () => {
    await messaging.stop()
    await store.close()
  })
  paymentRoutes(app, messaging, store.read)
  operatorRoutes(app, () => messaging)
  observe(app, () => messaging)
  return app.start()
}

type Decide = (message: Envelope, payment: Payment | undefined, tx: SqlTx) => Promise<Outcome>

/** Load, decide, book, answer. `slowMs` makes the participant slow, for trying out what that does to others. */
function command (slowMs: number, decide: Decide): MessageRoute<SqlTx> {
  return {
    kind: 'command',
    prepare: async () => { if (slowMs > 0) await delay(slowMs) },
    handle: async (message, tx, emit) => {
      const { payment, transfer, answer } = await decide(message, await findPayment(tx, message.subject), tx)
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
