/**
 * Connections to Redis, each checked before it is used: behind one URL there may be another server today, which keeps
 * less. The driver neither connects nor sends again by itself; only we know what may be sent twice. A connection that
 * breaks is given up with all that was under way on it, and the next call makes another one.
 */
import { Redis } from 'ioredis'
import type { Clock } from '../../clock.ts'
import { messagingError } from '../../errors.ts'
import { isElsewhere, Lost, redisError, withoutCredentials } from './errors.ts'

export interface LinkOptions {
  readonly url: string
  readonly clock: Clock
  /** Settings may be changed under a connection. */
  readonly recheckMs: number
  /** How many replicas must acknowledge what is written here. Rejects when this server is not to be used. */
  readonly check: (redis: Redis) => Promise<number>
}

const CALL_MS = 2000
const MAX_PAUSE_MS = 1000
const WAIT_MS = 1000

/** One connection to a server that was found fit. */
export class RedisSession {
  readonly redis: Redis
  /** Not to be used again. */
  dropped = false
  checkedAt: number
  /** How many must acknowledge. */
  replicas: number
  #waiting: Promise<unknown> = Promise.resolve()
  #next: Promise<number> | undefined

  constructor (redis: Redis, replicas: number, checkedAt: number) {
    this.redis = redis
    this.replicas = replicas
    this.checkedAt = checkedAt
  }

  /**
   * How many replicas have all that was written on this connection so far; as many as must, or fewer after a second.
   * Nothing else is answered meanwhile: who comes while others wait shares the next one.
   */
  acknowledged (): Promise<number> {
    this.#next ??= this.#waiting.catch(() => {}).then(() => {
      this.#next = undefined
      const asked = this.redis.wait(this.replicas, WAIT_MS)
      this.#waiting = asked
      return asked
    })
    return this.#next
  }
}

export class RedisLink {
  readonly #options: LinkOptions
  #live: RedisSession | undefined
  #connecting: Promise<RedisSession> | undefined
  #failures = 0
  #failure: Error | undefined
  #pausedUntil = 0

  constructor (options: LinkOptions) {
    this.#options = options
  }

  /** Makes a call that may be made twice: a connection that was ended behind our back shows only when it is used. */
  async call<Value> (use: (session: RedisSession) => Promise<Value>): Promise<Value> {
    try {
      return await this.attempt(use).catch((error: unknown) => {
        if (error instanceof Lost) return this.attempt(use)
        throw error
      })
    } catch (error) {
      throw error instanceof Lost ? this.#down(error) : error
    }
  }

  /** Makes a call once. Throws Lost when nobody knows whether it was carried out. */
  async attempt<Value> (use: (session: RedisSession) => Promise<Value>): Promise<Value> {
    const session = await this.#connected()
    try {
      return await use(session)
    } catch (cause) {
      const error = redisError(cause, this.#options.url)
      if (error instanceof Lost || isElsewhere(error)) this.#drop(session)
      throw error
    }
  }

  /** Calls fail from now on. */
  close (): void {
    this.#pausedUntil = Infinity
    this.#failure = messagingError('E_STORE_DOWN', ['it was closed'])
    if (this.#live !== undefined) this.#drop(this.#live)
  }

  async #connected (): Promise<RedisSession> {
    const { clock, recheckMs } = this.#options
    if (clock.elapsed() < this.#pausedUntil) throw this.#failure!
    if (this.#live === undefined) {
      return this.#connecting ??= this.#connect().finally(() => { this.#connecting = undefined })
    }
    if (clock.elapsed() - this.#live.checkedAt > recheckMs) this.#checkAgain(this.#live)
    return this.#live
  }

  async #connect (): Promise<RedisSession> {
    const { url, clock, check } = this.#options
    const redis = new Redis(url, { lazyConnect: true, connectTimeout: CALL_MS, commandTimeout: CALL_MS,
      retryStrategy: () => null, enableOfflineQueue: false, enableReadyCheck: false, disableClientInfo: true })
    // The emitter tells what the calls do not: a refused connection is "closed" to them, a wrong password "missing".
    let reason: Error | undefined
    redis.on('error', (error: Error) => { reason ??= error })
    try {
      await redis.connect()
      const session = new RedisSession(redis, await check(redis), clock.elapsed())
      redis.on('end', () => { this.#drop(session) })
      this.#failures = 0
      this.#live = session
      return session
    } catch (cause) {
      redis.disconnect()
      throw this.#failed(reason ?? cause)
    }
  }

  /** Once, though all that was under way on it asks for it: the driver listens for the end anew each time. */
  #drop (session: RedisSession): void {
    if (session.dropped) return
    session.dropped = true
    if (this.#live === session) this.#live = undefined
    session.redis.disconnect()
  }

  /** Nobody asks a server that is away more than once a second; until then all are told what was wrong. */
  #failed (cause: unknown): Error {
    const error = redisError(cause, this.#options.url)
    this.#failure = error instanceof Lost ? this.#down(error) : error
    this.#pausedUntil = Math.max(this.#pausedUntil,
      this.#options.clock.elapsed() + Math.min(50 * 2 ** Math.min(this.#failures++, 10), MAX_PAUSE_MS))
    return this.#failure
  }

  #checkAgain (session: RedisSession): void {
    session.checkedAt = this.#options.clock.elapsed()
    this.#options.check(session.redis).then(replicas => { session.replicas = replicas }, (error: unknown) => {
      this.#drop(session)
      this.#failed(error)
    })
  }

  #down (lost: Lost): Error {
    return messagingError('E_STORE_DOWN', [lost.message], { where: withoutCredentials(this.#options.url) })
  }
}
