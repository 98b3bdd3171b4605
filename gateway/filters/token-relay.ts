/**
 * `TokenRelay`: passes the caller's bearer token on to the upstream. Without it a route that authenticated its caller
 * keeps what it was sent.
 */
import type { FilterFactory } from '../routes/factory.ts'
import { principalOf } from '../security/principal.ts'
import { filterText } from './text.ts'

export const tokenRelay: FilterFactory = {
  name: 'TokenRelay',
  fields: ['clientRegistrationId'],
  create: (args, _draft, _context, order) => ({
    name: 'TokenRelay',
    order,
    request (x) {
      const token = principalOf(x)?.token
      if (token !== undefined) x.setHeader('authorization', `Bearer ${token}`)
      return undefined
    },
    toString: () => filterText('TokenRelay', ['clientRegistrationId', args.optional('clientRegistrationId') ?? null])
  })
}
