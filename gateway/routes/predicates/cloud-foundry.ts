/** `CloudFoundryRouteService`: the three headers that Cloud Foundry's router adds are there. */
import type { PredicateFactory } from '../factory.ts'

const HEADERS = ['x-cf-forwarded-url', 'x-cf-proxy-signature', 'x-cf-proxy-metadata']

export const cloudFoundryRouteService: PredicateFactory = {
  name: 'CloudFoundryRouteService',
  fields: [],
  create: () => ({
    name: 'CloudFoundryRouteService',
    test: x => HEADERS.every(name => x.header(name) !== undefined),
    toString: () => 'CloudFoundryRouteService'
  })
}
