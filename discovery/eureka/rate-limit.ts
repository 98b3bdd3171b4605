import type { FastifyInstance } from 'fastify'
import { FULL, type Answer } from './answers.ts'
import { send } from './http.ts'

/** Eureka's limiter for fetches; off unless asked for. */
export interface RateLimitOptions {
  readonly enabled: boolean
  /** How many fetches may come at once. @default 10 */
  readonly burst: number
  /** Fetches a second, of any list. @default 500 */
  readonly fetchesPerSec: number
  /** Fetches a second of everything. @default 100 */
  readonly fullPerSec: number
  /** Whether Netflix's own clients and servers are limited, too. @default false */
  readonly throttleStandard: boolean
  /** Further client names that are not limited. @default [] */
  readonly privileged: readonly string[]
}

const STANDARD = ['DefaultClient', 'DefaultServer']
const OVERLOADED: Answer = FULL

/** A bucket of tokens that fills at a steady rate. */
export class TokenBucket {
  readonly #burst: number
  readonly #perMs: number
  #tokens: number
  #at: number

  constructor (burst: number, perSec: number, now: number) {
    this.#burst = burst
    this.#perMs = perSec / 1000
    this.#tokens = burst
    this.#at = now
  }

  take (now: number): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, now - this.#at) * this.#perMs)
    this.#at = now
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}

/** Answers 503 without a body to fetches beyond the rates, as the original's `RateLimitingFilter`. */
export function limitFetches (server: FastifyInstance, options: RateLimitOptions, now: () => number): void {
  if (!options.enabled) return
  const exempt = new Set([...options.throttleStandard ? [] : STANDARD, ...options.privileged])
  const fetches = new TokenBucket(options.burst, options.fetchesPerSec, now())
  const full = new TokenBucket(options.burst, options.fullPerSec, now())
  server.addHook('onRequest', (request, reply, done) => {
    const kind = kindOf(request.method, request.routeOptions.url)
    const name = request.headers['discoveryidentity-name']
    if (kind === undefined || (typeof name === 'string' && exempt.has(name))) return done()
    const at = now()
    if (fetches.take(at) && (kind === 'part' || full.take(at))) return done()
    send(reply, OVERLOADED)
  })
}

function kindOf (method: string, route: string | undefined): 'full' | 'part' | undefined {
  if (method !== 'GET' || route === undefined) return undefined
  if (route.endsWith('/apps')) return 'full'
  return route.endsWith('/apps/delta') || route.endsWith('/apps/:app') ? 'part' : undefined
}
