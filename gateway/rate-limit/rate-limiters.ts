/** The limiters as one event loop holds them; they outlive tables, so that a swap gives nobody a new budget. */
import type { RateLimitOptions } from '../options.ts'
import type { SharedCells } from '../shared/shared-cells.ts'
import type { WorkerHost } from '../workers/contract.ts'
import { BucketTable } from './bucket-table.ts'
import { MemoryLimiter } from './memory-limiter.ts'
import { RedisLimiter } from './redis-limiter.ts'
import type { RateLimiter } from './token-bucket.ts'

export class RateLimiters {
  readonly #host: WorkerHost
  readonly #cells: SharedCells
  readonly #connects: boolean
  #memory: { readonly id: string, readonly limiter: MemoryLimiter } | undefined
  #redis: { readonly url: string, readonly limiter: RedisLimiter } | undefined

  /** `connects` false: never takes a token, so it needs no Redis. */
  constructor (host: WorkerHost, cells: SharedCells, connects = true) {
    this.#host = host
    this.#cells = cells
    this.#connects = connects
  }

  memory (): RateLimiter {
    const { id, buffer } = this.#cells.of('rate-limit', () => BucketTable.make())
    if (this.#memory?.id !== id) {
      this.#memory = { id, limiter: new MemoryLimiter(() => this.#host.now(), new BucketTable(buffer)) }
    }
    return this.#memory.limiter
  }

  /** Redis when there is one, else memory. */
  limiter ({ redisUrl }: RateLimitOptions): RateLimiter {
    if (redisUrl === undefined || !this.#connects) return this.memory()
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
