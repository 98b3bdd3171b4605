/** A route as posted to the admin: shortcut texts or full forms, checked before anything changes. */
import { error } from '../errors.ts'
import { FILTERS } from '../filters/filter-factories.ts'
import { readRoutes } from '../routes/definitions.ts'
import { PREDICATES } from '../routes/predicate-factories.ts'
import type { RouteDefinition } from '../routes/route.ts'

/** Throws with Spring's words. Names that only a plugin knows are left to the compiler. */
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

/** Names in a definition that neither Spring nor we have, for the words Spring uses. */
export function unknownNames (definition: RouteDefinition): string | undefined {
  const filters = definition.filters.map(one => one.name).filter(name => !FILTERS.has(name))
  if (filters.length > 0) return `Invalid FilterDefinition: [${filters.join(', ')}]`
  const predicates = definition.predicates.map(one => one.name).filter(name => !PREDICATES.has(name))
  return predicates.length > 0 ? `Invalid PredicateDefinition: [${predicates.join(', ')}]` : undefined
}
