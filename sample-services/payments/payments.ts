/**
 * The payments service: a ledger and what orders ask of it.
 *
 *   CapturePayment -> account good for it? -> entries and payment -> PaymentCaptured | PaymentDeclined
 *   CancelPayment  -> refund, or a tombstone for a capture that is still on its way -> PaymentRefunded | PaymentVoided
 *
 * Each in one transaction with its answer. The order's id is the payment's key: nobody pays twice.
 */
import { createMessaging, observe, openSqlStore, operatorRoutes } from '@breakwater/messaging'
import { service, type MainArgs, type Running } from '@breakwater/starter'
import { paymentRoutes } from './http/routes.ts'
import { openApi } from './openapi.ts'
import { PAYMENTS_TABLES, paymentsParts } from './parts.ts'

const NAME = 'payments'

export async function startPayments ({ settings, log }: MainArgs): Promise<Running> {
  const app = await service({ name: NAME, settings, log })
  await openApi(app)
  const store = await openSqlStore(settings, NAME, PAYMENTS_TABLES)
  const messaging = await createMessaging(settings, { service: NAME, store, log, spans: app.spans,
    ...paymentsParts(settings.durationMs('breakwater.payments.slow', 0)) })
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
