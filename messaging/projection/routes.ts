/** Projections for operators: how they are, building them anew, trying again what stood still; health and metrics. */
import type { FastifyInstance } from 'fastify'
import { messagingError } from '../errors.ts'
import { gauge, type Observed } from '../observe.ts'
import type { Projection } from './projection.ts'

export function projectionRoutes (app: FastifyInstance, projections: readonly Projection[]): void {
  const find = (name: string): Projection => {
    const found = projections.find(projection => projection.name === name)
    if (found === undefined) throw messagingError('E_PROJECTION_UNKNOWN', [name])
    return found
  }
  app.get('/internal/projections', async () => ({ items: await Promise.all(projections.map(one => one.status())) }))
  app.post<{ Params: { name: string } }>('/internal/projections/:name/rebuild', async (request, reply) => {
    await find(request.params.name).rebuild()
    return reply.code(202).send({ name: request.params.name })
  })
  app.post<{ Params: { name: string } }>('/internal/projections/:name/retry', async (request, reply) => {
    await find(request.params.name).retryParked()
    return reply.code(202).send({ name: request.params.name })
  })
}

/**
 * Health component `projections` and gauges. A projection that cannot follow its source makes nobody unhealthy: what
 * it has is still read, and UNKNOWN tells that it may be old.
 */
export function observeProjections (app: Observed, projections: readonly Projection[]): void {
  app.health.set('projections', async () => {
    const all = await Promise.all(projections.map(one => one.status()))
    const well = all.every(({ following, parked }) => following.failures === 0 && parked.length === 0)
    const details = Object.fromEntries(all.map(({ name, parked, ...rest }) =>
      [name, { ...rest, parked: parked.length }]))
    return { status: well ? 'UP' : 'UNKNOWN', details }
  })
  const sum = (read: (status: Awaited<ReturnType<Projection['status']>>) => number) => async () =>
    (await Promise.all(projections.map(one => one.status()))).reduce((total, status) => total + read(status), 0)
  gauge(app, 'breakwater_projection_parked', 'Streams that stand still because of an event that cannot be applied',
    sum(status => status.parked.length))
  gauge(app, 'breakwater_projection_behind', '1 while the feed of a projection cannot be followed',
    sum(status => status.following.failures === 0 ? 0 : 1))
}
