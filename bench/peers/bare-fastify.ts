/** The least a process of the stack could be: Fastify with one route. The floor that bench/start.ts compares with. */
import Fastify from 'fastify'

const app = Fastify()
app.get('/', async () => ({ ok: true }))
const url = await app.listen({ port: 0, host: '127.0.0.1' })
process.send?.({ type: 'ready', url })
process.on('disconnect', () => process.exit(0))
