/** Who a request comes from, once a filter found out. */
import type { Exchange } from '../exchange.ts'

export interface Principal {
  /** The way in which it was found out: two ways may know different callers by one name. */
  readonly kind: 'jwt' | 'basic' | 'api-key' | 'certificate'
  readonly name: string
  readonly scopes: ReadonlySet<string>
  /** The bearer token itself, for TokenRelay. */
  readonly token: string | undefined
}

const KEY = 'principal'

export function principalOf (x: Exchange): Principal | undefined {
  return x.attributes?.get(KEY) as Principal | undefined
}

export function setPrincipal (x: Exchange, principal: Principal): void {
  x.attributes ??= new Map()
  x.attributes.set(KEY, principal)
}
