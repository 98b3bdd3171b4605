/**
 * The inventory service: what is on the shelf and for whom it is kept.
 *
 *   ReserveStock -> all lines or none -> StockReserved | StockRejected
 *   ReleaseStock -> undo, or a tombstone for a reservation that is still on its way -> StockReleased
 *   CommitStock  -> out of the door -> StockCommitted
 *
 * Each in one transaction with its answer. Key-value, because all it asks for is a counter by its key.
 */
import { createMessaging, observe, openKeyValueStore, operatorRoutes } from '@breakwater/messaging'
import { service, type MainArgs, type Running } from '@breakwater/starter'
import { stockRoutes } from './http/routes.ts'
import { openApi } from './openapi.ts'
import { inventoryParts } from './parts.ts'
import { watchStock } from './store/watched-stock.ts'

const NAME = 'inventory'

export async function startInventory ({ settings, log }: MainArgs): Promise<Running> {
  const app = await service({ name: NAME, settings, log })
  await openApi(app)
  const opened = await openKeyValueStore(settings, NAME)
  const watch = settings.string('breakwater.inventory.watch', '')
  const store = watch === '' ? opened : watchStock(opened, watch)
  const messaging = await createMessaging(settings,
    { service: NAME, store, ...inventoryParts(), log, spans: app.spans })
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
