/** A route as posted to the admin: shortcut texts or full forms, checked before anything changes. */
import { error } from '../errors.ts'
import { readRoutes } from '../routes/definitions.ts'
import type { RouteDefinition } from '../routes/route.ts'

/** Throws what is wrong with it. Names of predicates and filters are the compiler's to know: plugins have some. */
export function definitionOf (body: unknown, id?: string): RouteDefinition {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw error('E_ROUTE_DEFINITION', [id ?? '', 'the body must be one JSON object'], { where: 'request' })
  }
  const result = readRoutes([id === undefined ? body : { ...body, id }], 'request', () => undefined)[0]
  if (result === undefined) throw error('E_ROUTE_DEFINITION', [id ?? '', 'nothing was sent'])
  if ('fault' in result) throw result.fault
  const { definition } = result
  if (id === undefined && !('id' in body)) throw error('E_ROUTE_DEFINITION', ['', 'each route needs an id'])
  return definition
}
