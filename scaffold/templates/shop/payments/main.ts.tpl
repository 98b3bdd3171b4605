/** Payments as a process: takes money up to a limit, and gives it back. */
import { createMessaging, observe, openSqlStore, operatorRoutes } from '@breakwater/messaging'
import { runMain, service } from '@breakwater/starter'
import { schemas } from '../shop/messages.ts'
import { routes, TABLES } from './payments.ts'

runMain(process, 'payments', async ({ settings, log }) => {
  const app = await service({ name: 'payments', settings, log })
  const store = await openSqlStore(settings, 'payments', TABLES)
  const messaging = await createMessaging(settings, { service: 'payments', store, log, schemas, spans: app.spans, routes })
  await messaging.start()
  app.addHook('onClose', async () => {
    await messaging.stop()
    await store.close()
  })
  operatorRoutes(app, () => messaging)
  observe(app, () => messaging)
  return app.start()
})
