/**
 * CORS as Spring does it: preflights are answered here, a foreign origin that is not allowed gets 403, and an allowed
 * one the headers its browser wants. Not a filter by name: routes get it from `globalcors` and `metadata.cors`.
 */
import type { Exchange, Reply } from '../exchange.ts'
import type { CorsOptions } from '../options.ts'
import type { Filter } from '../routes/route.ts'
import { CORS_ORDER } from './orders.ts'
import { compilePath, type PathPattern } from '../routes/path-pattern.ts'

export interface CorsRule {
  readonly pattern: string
  readonly options: CorsOptions
}

const KEY = 'cors'

/** The first rule whose pattern fits the path decides. */
export function corsFilter (rules: readonly CorsRule[]): Filter {
  const compiled = rules.map(({ pattern, options }) => ({ path: compilePath(pattern, true),
    policy: new CorsPolicy(options) }))
  return {
    name: 'Cors',
    order: CORS_ORDER,
    ahead: true,
    request (x) {
      const policy = policyFor(compiled, x)
      if (policy === undefined) return undefined
      x.attributes ??= new Map()
      x.attributes.set(KEY, NO_FIELDS)
      const origin = x.header('origin')
      if (origin === undefined || isSameOrigin(x, origin)) return undefined
      const preflight = isPreflight(x)
      if (!policy.allows(origin, preflight ? x.header('access-control-request-method') ?? '' : x.method)) return REFUSED
      if (preflight) return policy.preflight(x, origin)
      x.attributes.set(KEY, policy)
      return undefined
    },
    response (x) {
      const policy = x.attributes?.get(KEY) as Pick<CorsPolicy, 'headers'> | undefined
      if (policy === undefined) return
      for (const [name, value] of policy.headers(x.header('origin') ?? '')) x.setResponseHeader(name, value)
      for (const name of VARY) x.addResponseHeader('vary', name)
    },
    toString: () => `[Cors patterns = '${rules.map(rule => rule.pattern).join(', ')}']`
  }
}

/** Nobody from elsewhere asked; that the answer would be another then, caches must know all the same (Vary). */
const NO_FIELDS: Pick<CorsPolicy, 'headers'> = { headers: () => [] }

/** OPTIONS that asks for leave, not one that wants an answer. */
export function isPreflight (x: Exchange): boolean {
  return x.method === 'OPTIONS' && x.header('access-control-request-method') !== undefined && x.header('origin') !== undefined
}

const VARY = ['Origin', 'Access-Control-Request-Method', 'Access-Control-Request-Headers']
const REFUSED: Reply = { status: 403, headers: [], body: 'Invalid CORS request' }

function policyFor (rules: ReadonlyArray<{ path: PathPattern, policy: CorsPolicy }>,
  x: Exchange): CorsPolicy | undefined {
  return rules.find(({ path }) => path.matches(x.rawPath, () => {}))?.policy
}

function isSameOrigin (x: Exchange, origin: string): boolean {
  return origin === `${x.secure ? 'https' : 'http'}://${x.host}`
}

class CorsPolicy {
  readonly #options: CorsOptions
  readonly #origins: ReadonlySet<string>
  readonly #patterns: readonly RegExp[]
  readonly #anyHeader: boolean
  readonly #headers: ReadonlySet<string>

  constructor (options: CorsOptions) {
    this.#options = options
    this.#origins = new Set(options.allowedOrigins.map(origin => origin.replace(/\/$/, '')))
    this.#patterns = options.allowedOriginPatterns.map(originPattern)
    this.#anyHeader = options.allowedHeaders.includes('*')
    this.#headers = new Set(options.allowedHeaders.map(name => name.toLowerCase()))
  }

  allows (origin: string, method: string): boolean {
    const { allowedMethods } = this.#options
    return this.#allowsOrigin(origin) && (allowedMethods.includes('*') || allowedMethods.includes(method))
  }

  #allowsOrigin (origin: string): boolean {
    return this.#origins.has('*') || this.#origins.has(origin) || this.#patterns.some(pattern => pattern.test(origin))
  }

  headers (origin: string): Array<readonly [string, string]> {
    const { allowCredentials, exposedHeaders } = this.#options
    return [
      ['access-control-allow-origin', this.#origins.has('*') && !allowCredentials ? '*' : origin],
      ...exposedHeaders.length > 0 ? [['access-control-expose-headers', exposedHeaders.join(', ')] as const] : [],
      ...allowCredentials ? [['access-control-allow-credentials', 'true'] as const] : []
    ]
  }

  preflight (x: Exchange, origin: string): Reply {
    const wanted = (x.header('access-control-request-headers') ?? '').split(',').map(name => name.trim()).filter(Boolean)
    const allowed = wanted.filter(name => this.#anyHeader || this.#headers.has(name.toLowerCase()))
    if (allowed.length < wanted.length) return REFUSED
    const { allowedMethods, maxAgeSeconds } = this.#options
    const methods = allowedMethods.includes('*') ? [x.header('access-control-request-method') ?? ''] : allowedMethods
    return {
      status: 200,
      headers: [
        ...this.headers(origin),
        ['access-control-allow-methods', methods.join(',')],
        ...allowed.length > 0 ? [['access-control-allow-headers', allowed.join(', ')] as const] : [],
        ...maxAgeSeconds === undefined ? [] : [['access-control-max-age', String(maxAgeSeconds)] as const]
      ],
      body: ''
    }
  }
}

/** `https://*.a.org`, and `https://a.org:[*]` for every port. */
function originPattern (text: string): RegExp {
  const ports = /:\[([*\d,]+)\]$/.exec(text)
  const host = (ports === null ? text : text.slice(0, ports.index)).replaceAll(/[\\^$+?.()|[\]{}]/g, '\\$&').replaceAll('*', '.*')
  const port = ports === null ? '' : ports[1] === '*' ? '(?::\\d+)?' : `:(?:${(ports[1] ?? '').replaceAll(',', '|')})`
  return new RegExp(`^${host}${port}$`)
}
