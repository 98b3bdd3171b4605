/** Asks each server, at each connection and every few seconds, whether our entries may be entrusted to it. */
import type { Redis } from 'ioredis'
import { systemClock } from '../../clock.ts'
import { hasCode, messagingError } from '../../errors.ts'
import { redisError } from './errors.ts'
import { ask, faultOf, replicasOf, type Said } from './fitness.ts'
import type { RedisNames } from './names.ts'
import type { RedisOptions } from './options.ts'
import { PROBE } from './scripts.ts'

export class RedisGuard {
  readonly #options: RedisOptions
  readonly #names: RedisNames
  readonly #slot: string
  /** Servers that have had replicas. */
  readonly #followed = new Set<string>()
  /** How many must acknowledge at the server last seen. */
  replicas = 0

  constructor (options: RedisOptions, names: RedisNames, instance: string) {
    this.#options = options
    this.#names = names
    this.#slot = names.slot(instance, 'probe')
  }

  /** How many replicas must acknowledge what is written here. Rejects when this server is not to be used. */
  async check (redis: Redis): Promise<number> {
    const { url, assume = [], replicas } = this.#options
    // The driver goes on in the first database when there is no such one.
    await redis.select(Number(new URL(url).pathname.slice(1)))
    const said = await ask(redis)
    const fault = faultOf(said, new Set(assume), replicas ?? 0)
    if (fault !== undefined) throw fault
    this.replicas = replicas ?? this.#mustFollow(said)
    return this.replicas
  }

  /**
   * The same, for a connection of writes. A server without memory passes: it refuses each write by itself, and whoever
   * makes room need not wait for us.
   */
  async checkWrites (redis: Redis): Promise<number> {
    const replicas = await this.check(redis)
    try {
      await this.#probe(redis)
    } catch (cause) {
      const error = redisError(cause, this.#options.url)
      if (!hasCode(error, 'E_STORE_FULL')) throw error
    }
    return replicas
  }

  /**
   * One, from the first that a server has had on: a primary that has lost its replicas may have been replaced by one of
   * them, and not know it. A server that we have not seen with any is what a failover leaves behind, or stands alone.
   */
  #mustFollow (said: Said): number {
    const server = said.info.get('run_id') ?? ''
    if (replicasOf(said) > 0) this.#followed.add(server)
    return this.#followed.has(server) ? 1 : 0
  }

  async #probe (redis: Redis): Promise<void> {
    const { data, index } = this.#names
    const now = Math.trunc((this.#options.clock ?? systemClock).now())
    const [entries, listed] = await redis.eval(PROBE, 3, data, index, this.#slot, now) as [number, number]
    if (entries === listed) return
    throw messagingError('E_STORE_CORRUPT', [data, `it has ${entries} entries, its index has ${listed}`])
  }
}
