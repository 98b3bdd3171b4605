/**
 * /actuator/gateway/* with Spring's JSON: what is routed how, and changing it while running.
 *
 * A change is applied at once and as a whole, where Spring waits for a refresh: a POST that answers 201 is serving.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Authenticator } from '@breakwater/starter/security'
import type { CacheSelection } from '../cache/selection.ts'
import type { ControlLoop } from '../control-loop.ts'
import { error } from '../errors.ts'
import { FILTERS } from '../filters/filter-factories.ts'
import { PREDICATES } from '../routes/predicate-factories.ts'
import type { Explained, ExplainQuestion } from '../routes/explain.ts'
import type { BreakerReport, ClusterReport } from '../routes/reports.ts'
import type { Route, RouteDefinition } from '../routes/route.ts'
import type { RouteStore } from '../routes/route-store.ts'
import { mergedBreakers, mergedClusters, mergedExplanations } from './merged-reports.ts'
import { definitionOf } from './posted-definition.ts'

export interface GatewayEndpointsOptions {
  readonly control: ControlLoop
  readonly store: RouteStore
  readonly auth: Authenticator
  /** Reads the settings again, then the routes. */
  readonly refresh: () => Promise<void>
}

const ENDPOINTS: ReadonlyArray<readonly [href: string, methods: readonly string[]]> = [
  ['/routes', ['POST', 'GET']], ['/routes/{id}', ['POST', 'DELETE', 'GET']], ['/routes/{id}/combinedfilters', ['GET']],
  ['/routedefinitions', ['GET']], ['/refresh', ['POST']], ['/globalfilters', ['GET']], ['/routefilters', ['GET']],
  ['/routepredicates', ['GET']], ['/explain', ['POST']], ['/instances', ['GET']], ['/breakers', ['GET']],
  ['/cache', ['DELETE']]
]

/** Registers all of them; `app` has the prefix. */
export function gatewayEndpoints (app: FastifyInstance, options: GatewayEndpointsOptions): void {
  const { control, auth } = options
  const read = { onRequest: auth.requireRole('read') }
  app.get('/', read, request => ENDPOINTS.map(([href, methods]) => ({ href: `${request.url.replace(/\/$/, '')}${href}`, methods })))
  app.get('/routes', read, () => control.table.routes.map(describeRoute))
  app.get<Id>('/routes/:id', read, (request, reply) => found(control, request, reply, describeRoute))
  app.get<Id>('/routes/:id/combinedfilters', read, (request, reply) => found(control, request, reply, combinedFilters))
  app.get('/routedefinitions', read, () => control.table.routes.map(route => describeDefinition(route.definition)))
  app.get('/globalfilters', read, () => ({}))
  app.get('/routefilters', read, () => Object.fromEntries([...FILTERS.keys()].map(name => [name, null])))
  app.get('/routepredicates', read, () => Object.fromEntries([...PREDICATES.keys()].map(name => [name, null])))
  app.get('/instances', read, async () => mergedClusters((await control.ask<ClusterReport[]>('clusters')).flat()))
  app.get('/breakers', read, async () => mergedBreakers((await control.ask<BreakerReport[]>('breakers')).flat()))
  app.post<{ Body: ExplainQuestion }>('/explain', read, async request =>
    mergedExplanations(await control.ask<Explained>('explain', asked(request.body))))
  changes(app, options)
}

interface Id { Params: { id: string } }

function changes (app: FastifyInstance, { control, store, auth, refresh }: GatewayEndpointsOptions): void {
  const admin = { onRequest: auth.requireRole('admin') }
  app.post('/refresh', admin, async (_request, reply) => {
    await refresh()
    return reply.code(200).send()
  })
  app.delete<{ Querystring: CacheSelection }>('/cache', admin, async (request, reply) => {
    await control.ask('purge', selectionOf(request.query))
    return reply.code(204).send()
  })
  app.post<Id>('/routes/:id', admin, async (request, reply) => {
    const definition = definitionOf(request.body, request.params.id)
    await control.change(routes => routes.put(definition))
    return reply.code(201).header('location', `/routes/${encodeURIComponent(definition.id)}`).send()
  })
  app.post('/routes', admin, async (request, reply) => {
    const definitions = (Array.isArray(request.body) ? request.body : [request.body]).map(item => definitionOf(item))
    await control.change(routes => definitions.forEach(definition => routes.put(definition)))
    return reply.code(200).send()
  })
  app.delete<Id>('/routes/:id', admin, async (request, reply) => {
    if (store.get(request.params.id) === undefined) return reply.code(404).send()
    await control.change(routes => { routes.delete(request.params.id) })
    return reply.code(200).send()
  })
}

function found (control: ControlLoop, request: FastifyRequest<Id>, reply: FastifyReply,
  show: (route: Route) => unknown): unknown {
  const route = control.table.routes.find(one => one.id === request.params.id)
  return route === undefined ? reply.code(404).send() : show(route)
}

/** Spring's verbose form. */
function describeRoute (route: Route): object {
  const { metadata, uri, order } = route.definition
  const texts = route.predicates.map(predicate => predicate.toString())
  return {
    predicate: texts.length > 1 ? `(${texts.join(' && ')})` : texts[0] ?? '',
    ...Object.keys(metadata).length === 0 ? {} : { metadata },
    route_id: route.id,
    filters: route.filters.map(filter => `[${filter.toString()}, order = ${filter.order}]`),
    uri,
    order
  }
}

function describeDefinition (definition: RouteDefinition): object {
  const named = ({ name, args }: { name: string, args: object }) => ({ name, args })
  const { id, uri, order, enabled, metadata } = definition
  return { id, predicates: definition.predicates.map(named), filters: definition.filters.map(named), uri, metadata,
    order, enabled }
}

function combinedFilters (route: Route): object {
  return Object.fromEntries(route.filters.map(filter => [filter.toString(), filter.order]))
}

const SELECTORS = ['route', 'host', 'path'] as const

/** A slip in a name would forget everything; of one that comes twice (a list) nobody knows which is meant. */
function selectionOf (query: Readonly<Record<string, unknown>>): CacheSelection {
  const strange = Object.entries(query).find(([name, value]) =>
    typeof value !== 'string' || !SELECTORS.some(known => known === name))
  if (strange !== undefined) throw error('E_CACHE_SELECTION', [strange[0]], { where: 'DELETE /actuator/gateway/cache' })
  return query
}

/** Bad questions get an answer too. */
function asked (body: Partial<ExplainQuestion> | null): ExplainQuestion {
  const headers = Object.fromEntries(Object.entries(body?.headers ?? {}).map(([name, value]) => [name, String(value)]))
  const { remoteAddress } = body ?? {}
  return {
    method: String(body?.method ?? 'GET').toUpperCase(),
    url: String(body?.url ?? '/'),
    headers,
    ...remoteAddress === undefined ? {} : { remoteAddress: String(remoteAddress) }
  }
}
