/**
 * Ours: `Authenticate=jwt` (or `basic`, `api-key`, several of them) says who calls, or answers 401; `RequireScope=a,b`
 * answers 403 to who lacks one of them. What is checked against stands under `breakwater.gateway.security`.
 */
import type { Exchange, Reply } from '../exchange.ts'
import type { FilterFactory } from '../routes/factory.ts'
import { METHODS, type Authenticator } from '../security/authenticators.ts'
import { principalOf, setPrincipal, type Principal } from '../security/principal.ts'
import { refusal } from '../security/refusal.ts'
import { AUTHENTICATE_ORDER, REQUIRE_SCOPE_ORDER } from './orders.ts'
import { filterText } from './text.ts'

export const authenticate: FilterFactory = {
  name: 'Authenticate',
  fields: ['methods'],
  gather: 'list',
  create (args, _draft, context) {
    const methods = args.list('methods')
    const checks = methods.map(name => {
      const make = METHODS.get(name)
      if (make === undefined) throw args.fail(`"${name}" must be one of ${[...METHODS.keys()].join(', ')}`)
      return make(context.options.security, reason => args.fail(reason))
    })
    if (checks.length === 0) throw args.fail('methods are required')
    const challenge = checks.map(check => check.challenge).join(', ')
    return {
      name: 'Authenticate',
      order: AUTHENTICATE_ORDER,
      request: x => admitted(x, checks, 0, challenge),
      toString: () => filterText('Authenticate', ['methods', `[${methods.join(', ')}]`])
    }
  }
}

/** Waits only when a check has to: a token seen before, a password or a key is known at once. */
function admitted (x: Exchange, checks: readonly Authenticator[], from: number, challenge: string):
Reply | undefined | Promise<Reply | undefined> {
  for (let i = from; i < checks.length; i++) {
    const found = checks[i]?.check(x)
    if (found instanceof Promise) {
      return found.then(principal => principal === undefined
        ? admitted(x, checks, i + 1, challenge)
        : accepted(x, principal))
    }
    if (found !== undefined) return accepted(x, found)
  }
  return refusal(x, 401, [['www-authenticate', challenge]])
}

function accepted (x: Exchange, principal: Principal): undefined {
  setPrincipal(x, principal)
  return undefined
}

export const requireScope: FilterFactory = {
  name: 'RequireScope',
  fields: ['scopes'],
  gather: 'list',
  create (args) {
    const scopes = args.list('scopes')
    if (scopes.length === 0) throw args.fail('scopes are required')
    return {
      name: 'RequireScope',
      order: REQUIRE_SCOPE_ORDER,
      request (x) {
        const principal = principalOf(x)
        if (principal === undefined) return refusal(x, 401)
        return scopes.every(scope => principal.scopes.has(scope)) ? undefined : refusal(x, 403)
      },
      toString: () => filterText('RequireScope', ['scopes', `[${scopes.join(', ')}]`])
    }
  }
}
