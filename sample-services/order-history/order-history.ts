/**
 * The order history: the query side. It knows nothing but what the orders' events say.
 *
 *   event -> inbox -> version: seen, next, or hole?   a hole is filled from the stream first (`Projection`)
 *         -> document and checkpoint in one commit    pure fold (`domain/order-document.ts`)
 *   feed  -> what no event told us                    at leisure; also the first fill and every rebuild
 *   GET   -> the document                             never anything of the write side
 */
import {
  createMessaging, observe, observeProjections, openSqlStore, operatorRoutes, Projection, projectionRoutes,
  type FeedEvent
} from '@breakwater/messaging'
import { service, type MainArgs, type Running, type ServiceClient } from '@breakwater/starter'
import type { Settings } from '@breakwater/starter/settings'
import { Arrivals } from './arrivals.ts'
import { historyRoutes } from './http/routes.ts'
import { openApi } from './openapi.ts'
import { HISTORY_TABLES, historyParts, projectionOf, type ReadOrders } from './parts.ts'

const NAME = 'order-history'
const ASK_MS = 2000

export async function startOrderHistory ({ settings, log }: MainArgs): Promise<Running> {
  const app = await service({ name: NAME, settings, log })
  await openApi(app)
  const store = await openSqlStore(settings, NAME, HISTORY_TABLES)
  const arrivals = new Arrivals()
  const projection = new Projection({ ...projectionOf(readOrders(app.client('orders'), settings)), store, log,
    onApplied: streams => { arrivals.announce(streams) },
    followMs: settings.durationMs('breakwater.order-history.follow', 2000) })
  const messaging = await createMessaging(settings,
    { service: NAME, store, ...historyParts(projection), log, spans: app.spans })
  await messaging.start()
  app.addHook('onReady', async () => { projection.start() })
  app.addHook('onClose', async () => {
    await projection.stop()
    await messaging.stop()
    await store.close()
  })
  historyRoutes(app, store.read, arrivals)
  operatorRoutes(app, () => messaging)
  projectionRoutes(app, [projection])
  observe(app, () => messaging)
  observeProjections(app, [projection])
  return app.start()
}

/**
 * Streams are internal: open to this machine, or on the management port. Where orders is on another machine, its
 * management port is given as `breakwater.order-history.streams-url`.
 */
function readOrders (orders: ServiceClient, settings: Settings): ReadOrders {
  const url = settings.string('breakwater.order-history.streams-url', '')
  return async path => {
    const response = url === ''
      ? await orders.get(path, { timeoutMs: ASK_MS })
      : await fetch(url + path, { signal: AbortSignal.timeout(ASK_MS) })
    if (!response.ok) throw new Error(`orders answered ${response.status}`)
    return (await response.json() as { items: FeedEvent[] }).items
  }
}
