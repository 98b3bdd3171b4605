/**
 * The orders service: the command side. It accepts an order and sees it through.
 *
 *   request -> schema -> user known?            from events; asked for once when not (`users/`)
 *           -> tx: event, saga, first command   one commit, then 202 (`place-order-process.ts`)
 *   reply   -> inbox -> saga decides            pure (`domain/place-order-saga.ts`)
 *           -> tx: event, saga, next command    until DONE or ABORTED
 *   time    -> overdue sagas -> resend, undo    rows, not timers: a restart forgets none
 */
import {
  createMessaging, observe, openSqlStore, operatorRoutes, SAGA_TABLES, Schemas, type Messaging,
  type MessageRoute, type MessagingParts, type SqlStore, type SqlTx
} from '@breakwater/messaging'
import { service, type MainArgs, type Running } from '@breakwater/starter'
import type { Settings } from '@breakwater/starter/settings'
import { SAGA_TIMES, type SagaTimes } from './domain/place-order-saga.ts'
import { internalRoutes } from './http/internal-routes.ts'
import { orderRoutes } from './http/order-routes.ts'
import { MESSAGES, USER_EVENTS } from './messages.ts'
import { openApi } from './openapi.ts'
import { PlaceOrderProcess } from './place-order-process.ts'
import { EVENT_TABLES } from './store/event-store.ts'
import { keepUser, USER_TABLES, userOf } from './store/known-users.ts'
import { askUsers, UserLookup } from './users/user-lookup.ts'

const NAME = 'orders'

export async function startOrders ({ settings, log }: MainArgs): Promise<Running> {
  const app = await service({ name: NAME, settings, log })
  await openApi(app)
  const store = await openSqlStore(settings, NAME, EVENT_TABLES + SAGA_TABLES + USER_TABLES)
  const process = new PlaceOrderProcess(readTimes(settings))
  const messaging = await ordersMessaging(settings, store, process, { log, spans: app.spans })
  const lookup = new UserLookup(askUsers(app.client('users')), store.read, messaging)
  await messaging.start()
  app.addHook('onClose', async () => {
    await messaging.stop()
    await store.close()
  })
  orderRoutes(app, { messaging, reader: store.read, process, lookup })
  internalRoutes(app, store.read)
  operatorRoutes(app, () => messaging)
  observe(app, () => messaging)
  return app.start()
}

function ordersMessaging (
  settings: Settings, store: SqlStore, process: PlaceOrderProcess, rest: Pick<MessagingParts<SqlTx>, 'log' | 'spans'>
): Promise<Messaging<SqlTx>> {
  const onUser: MessageRoute<SqlTx> = { kind: 'event', handle: (message, tx) => keepUser(tx, userOf(message)) }
  return createMessaging(settings, {
    service: NAME,
    store,
    schemas: new Schemas(MESSAGES),
    sagas: [process.sagas],
    subscribe: [{ service: 'users', types: USER_EVENTS }],
    routes: Object.fromEntries(USER_EVENTS.map(type => [type, onUser])),
    ...rest
  })
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
