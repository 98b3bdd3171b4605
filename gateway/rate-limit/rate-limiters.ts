/** The limiters of one worker; they outlive tables, so that a swap gives nobody a new budget. */
import type { RateLimitOptions } from '../options.ts'
import type { WorkerHost } from '../workers/contract.ts'
import { MemoryLimiter } from './memory-limiter.ts'
import { RedisLimiter } from './redis-limiter.ts'
import type { RateLimiter } from './token-bucket.ts'

export class RateLimiters {
  readonly #host: WorkerHost
  readonly #connects: boolean
  #memory: MemoryLimiter | undefined
  #redis: { readonly url: string, readonly limiter: RedisLimiter } | undefined

  /** `connects` false: never takes a token, so it needs no Redis. */
  constructor (host: WorkerHost, connects = true) {
    this.#host = host
    this.#connects = connects
  }

  memory (workers: number): RateLimiter {
    return this.#memory ??= new MemoryLimiter(() => this.#host.now(), workers)
  }

  /** Redis when there is one, else memory. */
  limiter (options: RateLimitOptions, workers: number): RateLimiter {
    const { redisUrl } = options
    if (redisUrl === undefined || !this.#connects) return this.memory(workers)
    if (this.#redis?.url !== redisUrl) {
      this.#redis?.limiter.stop()
      this.#redis = { url: redisUrl, limiter: new RedisLimiter(redisUrl, message => this.#host.log('warn', message)) }
    }
    return this.#redis.limiter
  }

  stop (): void {
    this.#redis?.limiter.stop()
  }
}
