import type { FastifyError, FastifyInstance } from 'fastify'
import type { DiscoveryOptions } from '../options.ts'
import type { Registry } from '../registry.ts'
import { NOT_FOUND } from './answers.ts'
import { send } from './http.ts'
import { readRoutes, type Reading } from './read-routes.ts'
import { statusRoute, type Replicas } from './status-page.ts'
import { writeRoutes, type Writing } from './write-routes.ts'

/** What the routes of Eureka's API lead to. */
export interface EurekaParts extends Omit<Reading, 'disableDelta'> {
  readonly registry: Registry
  readonly writing: Writing
  readonly options: DiscoveryOptions
  readonly replicas: () => Replicas
  readonly now: () => number
}

/** Eureka's REST API below one prefix; registered once for Spring's paths and once for Netflix's `/v2`. */
export function eurekaRoutes (server: FastifyInstance, parts: EurekaParts): void {
  const { registry, writing, options, replicas, now } = parts
  readRoutes(server, { ...parts, disableDelta: options.disableDelta })
  writeRoutes(server, writing)
  statusRoute(server, registry, options, replicas, now)
}

/** `GET /serverinfo/statusoverrides`: every override by instance id, as Netflix's own server lists them. */
export function overridesRoute (server: FastifyInstance, { book }: Registry): void {
  server.get('/serverinfo/statusoverrides', (_request, reply) => {
    const overrides: string[] = []
    for (const { instance, override } of book.leases()) {
      if (override !== undefined) overrides.push(`${JSON.stringify(instance.id)}:"${override}"`)
    }
    return reply.type('application/json').send(`{${overrides.join(',')}}`)
  })
}

/**
 * Bodies stay bytes: clients send JSON's content type with nothing, with `{}` or with XML's bytes, and Fastify's own
 * parsers refuse an empty JSON body with 400, after which a client never renews again.
 */
export function rawBodies (server: FastifyInstance, bodyLimit: number): void {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, body, done) => { done(null, body) })
  server.addHook('onRequest', (request, _reply, done) => {
    // Nobody reads what PUT and DELETE carry, so its type, valid or not, is of no interest.
    if (request.method !== 'POST') request.headers['content-type'] = undefined
    done()
  })
}

/**
 * Errors without a body, on every path: Java's client takes a body that it cannot decode for a failure of the
 * transport, also where its base URL is not quite right.
 */
export function bareErrors (server: FastifyInstance): void {
  server.setErrorHandler<FastifyError>((error, request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) request.log.error({ err: error }, 'a request failed')
    return send(reply, { status: status >= 400 ? status : 500 })
  })
  server.setNotFoundHandler((_request, reply) => send(reply, NOT_FOUND))
}
