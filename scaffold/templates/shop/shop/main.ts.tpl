/** The shop as a process: POST /carts begins a check-out, GET /carts/:id tells where it stands. */
import { commandRoute, createMessaging, observe, openSqlStore, operatorRoutes, SAGA_TABLES, uuidv7 } from '@breakwater/messaging'
import { runMain, service } from '@breakwater/starter'
import { checkOut } from './check-out.ts'
import { schemas } from './messages.ts'

const BODY = {
  type: 'object', required: ['amount'], additionalProperties: false,
  properties: { amount: { type: 'integer', minimum: 1, maximum: 1_000_000 } }
} as const

runMain(process, 'shop', async ({ settings, log }) => {
  const app = await service({ name: 'shop', settings, log })
  const store = await openSqlStore(settings, 'shop', SAGA_TABLES)
  const messaging = await createMessaging(settings, { service: 'shop', store, log, schemas, spans: app.spans, sagas: [checkOut] })
  await messaging.start()
  app.addHook('onClose', async () => {
    await messaging.stop()
    await store.close()
  })
  app.post('/carts', { schema: { body: BODY } }, commandRoute(() => messaging, async (request, tx, emit) => {
    const { amount } = request.body as { amount: number }
    const cartId = uuidv7()
    // In one transaction: the cart cannot be checked out without its command being sent, nor the other way round.
    await checkOut.begin(tx, emit, cartId, { amount })
    return { status: 202, body: { cartId } }
  }))
  app.get<{ Params: { id: string } }>('/carts/:id', async ({ params: { id } }, reply) => {
    const cart = await store.read.get<{ state: string }>('SELECT state FROM saga WHERE subject = ?', id)
    return cart ?? reply.code(404).send({ title: 'There is no such cart', status: 404 })
  })
  operatorRoutes(app, () => messaging)
  observe(app, () => messaging)
  return app.start()
})
