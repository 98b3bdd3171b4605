/**
 * `SecureHeaders`: response headers against the usual attacks, each only when the upstream did not set it.
 *
 * A route's own `enable` and `disable` replace the global lists, as in Spring.
 */
import type { FilterFactory } from '../routes/factory.ts'
import { filterText } from './text.ts'

const CSP = "default-src 'self' https:; font-src 'self' https: data:; img-src 'self' https: data:; object-src 'none'; " +
  "script-src https:; style-src 'self' https: 'unsafe-inline'"

/** Name, value, argument of a route that gives another value, sent without being asked for. */
const HEADERS: ReadonlyArray<readonly [name: string, value: string, argument: string, byDefault: boolean]> = [
  ['x-xss-protection', '1 ; mode=block', 'xssProtectionHeader', true],
  ['strict-transport-security', 'max-age=631138519', 'strictTransportSecurity', true],
  ['x-frame-options', 'DENY', 'frameOptions', true],
  ['x-content-type-options', 'nosniff', 'contentTypeOptions', true],
  ['referrer-policy', 'no-referrer', 'referrerPolicy', true],
  ['content-security-policy', CSP, 'contentSecurityPolicy', true],
  ['x-download-options', 'noopen', 'downloadOptions', true],
  ['x-permitted-cross-domain-policies', 'none', 'permittedCrossDomainPolicies', true],
  ['permissions-policy', 'accelerometer=(), camera=(), geolocation=(), microphone=()', 'permissionsPolicy', false]
]

export const secureHeaders: FilterFactory = {
  name: 'SecureHeaders',
  fields: [],
  extra: ['enable', 'disable', ...HEADERS.map(([, , argument]) => argument)],
  create (args, _draft, context, order) {
    const own = args.has('enable') || args.has('disable')
    const { enable, disable, values } = context.options.secureHeaders
    const enabled = namesOf(own ? args.list('enable') : enable)
    const disabled = namesOf(own ? args.list('disable') : disable)
    const sent = HEADERS
      .filter(([name, , , byDefault]) => (byDefault || enabled.has(name)) && !disabled.has(name))
      .map(([name, value, argument]) => [name, args.string(argument, values[argument] ?? value)] as const)
    return {
      name: 'SecureHeaders',
      order,
      onReplies: true,
      response (x) {
        for (const [name, value] of sent) if (x.responseHeader(name) === undefined) x.setResponseHeader(name, value)
      },
      toString: () => filterText('SecureHeaders', ['headers', `[${sent.map(([name]) => name).join(', ')}]`])
    }
  }
}

function namesOf (names: readonly string[]): Set<string> {
  return new Set(names.map(name => name.toLowerCase()))
}
