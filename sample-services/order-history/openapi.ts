/** The service's OpenAPI page: `/docs`, and the document at `/docs/json`. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

/** To be called before the routes: it sees those that come after it. */
export async function openApi (app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: { info: { title: 'Order history', version: '1.0.0', description: 'The query side: orders as documents, built from events.' } }
  })
  await app.register(swaggerUi, { routePrefix: '/docs' })
}
