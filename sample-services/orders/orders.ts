/**
 * The orders service: the command side. It accepts an order and sees it through.
 *
 *   request -> schema -> user known?            from events; asked for once when not (`users/`)
 *           -> tx: event, saga, first command   one commit, then 202 (`place-order-process.ts`)
 *   reply   -> inbox -> saga decides            pure (`domain/place-order-saga.ts`)
 *           -> tx: event, saga, next command    until DONE or ABORTED
 *   time    -> overdue sagas -> resend, undo    rows, not timers: a restart forgets none
 */
import { createMessaging, observe, openSqlStore, operatorRoutes } from '@breakwater/messaging'
import { service, type MainArgs, type Running } from '@breakwater/starter'
import type { Settings } from '@breakwater/starter/settings'
import { SAGA_TIMES, type SagaTimes } from './domain/place-order-saga.ts'
import { openApi } from './openapi.ts'
import { ORDERS_TABLES, ordersHttp, ordersParts } from './parts.ts'
import { PlaceOrderProcess } from './place-order-process.ts'
import { askUsers } from './users/user-lookup.ts'

const NAME = 'orders'

export async function startOrders ({ settings, log }: MainArgs): Promise<Running> {
  const app = await service({ name: NAME, settings, log })
  await openApi(app)
  const store = await openSqlStore(settings, NAME, ORDERS_TABLES)
  const process = new PlaceOrderProcess(readTimes(settings))
  const messaging = await createMessaging(settings,
    { service: NAME, store, ...ordersParts(process), log, spans: app.spans })
  await messaging.start()
  app.addHook('onClose', async () => {
    await messaging.stop()
    await store.close()
  })
  ordersHttp(app, { messaging, reader: store.read, process, askUsers: askUsers(app.client('users')) })
  operatorRoutes(app, () => messaging)
  observe(app, () => messaging)
  return app.start()
}

function readTimes (settings: Settings): SagaTimes {
  const key = (name: string) => `breakwater.orders.saga.${name}`
  return {
    replyMs: settings.durationMs(key('reply'), SAGA_TIMES.replyMs),
    resendMs: settings.durationMs(key('resend'), SAGA_TIMES.resendMs),
    capMs: settings.durationMs(key('cap'), SAGA_TIMES.capMs),
    stuckMs: settings.durationMs(key('stuck'), SAGA_TIMES.stuckMs)
  }
}
