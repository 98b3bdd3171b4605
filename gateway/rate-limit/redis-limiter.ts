/**
 * Spring's RedisRateLimiter: the same keys and the same arithmetic in whole seconds of Redis' own clock, so that a
 * Spring gateway beside this one shares its buckets. When Redis does not answer in time the request is allowed.
 */
import { withPackage } from '@breakwater/starter/optional-package'
import type { Redis } from 'ioredis'
import type { BucketRule, RateLimiter, Verdict } from './token-bucket.ts'

/** In one script, because between reading and writing another gateway would read the same tokens. */
const SCRIPT = `
local rate, capacity, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(redis.call('TIME')[1])
local ttl = math.floor(capacity / rate * 2)
local tokens = tonumber(redis.call('GET', KEYS[1]))
local last = tonumber(redis.call('GET', KEYS[2])) or 0
if tokens == nil then tokens = capacity end
local filled = math.min(capacity, tokens + math.max(0, now - last) * rate)
local allowed = 0
if filled >= wanted then
  allowed = 1
  filled = filled - wanted
end
if ttl > 0 then
  redis.call('SETEX', KEYS[1], ttl, filled)
  redis.call('SETEX', KEYS[2], ttl, now)
end
return { allowed, filled }
`

const DEADLINE_MS = 500
const UNKNOWN: Verdict = { allowed: true, remaining: -1 }

export class RedisLimiter implements RateLimiter {
  readonly #redis: Promise<Redis>
  readonly #log: (message: string) => void
  #loggedAtMs = Number.NEGATIVE_INFINITY

  constructor (url: string, log: (message: string) => void) {
    this.#log = log
    this.#redis = this.#connect(url)
  }

  /** The library is loaded here: every event loop would pay for it, and most gateways have no Redis. */
  async #connect (url: string): Promise<Redis> {
    const { Redis } = await withPackage('A rate limit in Redis', () => import('ioredis'))
    const redis = new Redis(url, {
      lazyConnect: true,
      // A request must not wait for a Redis that is away: it fails at once and is allowed.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: DEADLINE_MS,
      connectTimeout: 2_000,
      retryStrategy: times => Math.min(2_000, times * 100)
    })
    redis.on('error', (cause: Error) => this.#say(cause))
    redis.connect().catch((cause: Error) => this.#say(cause))
    return redis
  }

  async take (id: string, key: string, rule: BucketRule): Promise<Verdict> {
    const name = `request_rate_limiter.{${id}.${key}}`
    const { replenishRate, burstCapacity, requestedTokens } = rule
    try {
      const redis = await this.#redis
      const [allowed, remaining] = await redis.eval(SCRIPT, 2, `${name}.tokens`, `${name}.timestamp`,
        replenishRate, burstCapacity, requestedTokens) as [number, number]
      return { allowed: allowed === 1, remaining }
    } catch (cause) {
      this.#say(cause as Error)
      return UNKNOWN
    }
  }

  stop (): void {
    this.#redis.then(redis => redis.disconnect(), (cause: Error) => this.#say(cause))
  }

  /** Once in a while: with Redis down every request would log. */
  #say (cause: Error): void {
    if (performance.now() - this.#loggedAtMs < 10_000) return
    this.#loggedAtMs = performance.now()
    this.#log(`Redis does not answer, requests are not limited: ${cause.message}`)
  }
}
