// A Fastify application that was there before: its logger, hooks, error handler and listen stay.
import Fastify from 'fastify'
import { breakwater } from '@breakwater/starter'

const app = Fastify({ logger: { level: 'warn' } })
await app.register(breakwater, { name: 'people' })
app.get('/people/:id', async request => ({ id: request.params.id, name: 'Ada' }))
// Another service, by its name; over whichever instance is well.
app.get('/people/:id/orders', async request =>
  (await app.breakwater.client('orders').get(`/orders?user=${request.params.id}`)).json())
await app.listen({ port: Number(process.env.PORT ?? 4001), host: '127.0.0.1' })
