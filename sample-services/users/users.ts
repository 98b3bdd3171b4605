/**
 * The users service: who may order. Register, read, suspend, reactivate; each change is told to the others as an event
 * from the same transaction.
 *
 *   request -> schema -> owner?                 a replica hands writes to the owner and reads from its copy
 *           -> tx: row, event, answer           one commit (`http/routes.ts`)
 *           -> relay -> bus -> orders           which keeps the users it needs to know
 */
import { createMessaging, dataFile, observe, openSqlStore, operatorRoutes } from '@breakwater/messaging'
import { service, type MainArgs, type Running } from '@breakwater/starter'
import { userRoutes } from './http/routes.ts'
import { openApi } from './openapi.ts'
import { USERS_TABLES, usersParts } from './parts.ts'
import { changesRoute } from './replica/changes-route.ts'
import { OwnerFile } from './replica/owner-file.ts'
import { UserNode } from './replica/user-node.ts'

const NAME = 'users'

export async function startUsers ({ settings, log }: MainArgs): Promise<Running> {
  const app = await service({ name: NAME, settings, log })
  await openApi(app)
  const node = new UserNode({
    open: () => openSqlStore(settings, NAME, USERS_TABLES),
    createMessaging: store => createMessaging(settings,
      { service: NAME, store, ...usersParts(), log, spans: app.spans }),
    ownerFile: settings.string('breakwater.store.url', '') === ''
      ? new OwnerFile(dataFile(settings, NAME, 'owner.json'))
      : undefined,
    log,
    takeOverMs: settings.durationMs('breakwater.users.take-over', 250)
  })
  await node.start()
  app.addHook('onClose', () => node.stop())
  userRoutes(app, node)
  changesRoute(app, node)
  operatorRoutes(app, () => node.messaging)
  observe(app, () => node.isOwner ? node.messaging : undefined)
  // As soon as the socket is there: replicas must not wait until the registry knows us.
  app.addHook('onListen', async () => { node.announce(app.listeningOrigin) })
  return app.start()
}
