/**
 * The shared key-value store: Redis. A transaction reads what it needs, keeps what it read and what it wants to write,
 * and hands both to one script, which writes everything, outbox included, if nothing that was read has changed;
 * otherwise the transaction runs again. All keys lie in one hash slot.
 *
 * Redis must flush before it answers (`appendfsync always`), or an accepted order could vanish with the server; where
 * it has replicas, one of them must have it, too, or it could vanish with a failover.
 */
import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import { systemClock, type Clock } from '../clock.ts'
import { messagingError } from '../errors.ts'
import { KeyLanes } from './key-lanes.ts'
import type { Entries } from './key-value-commits.ts'
import { keyValueParts, type KeyValueStore } from './key-value-messaging.ts'
import type { WriteSet } from './key-value-writes.ts'
import { Attempt } from './redis-attempt.ts'
import { Lost, withoutCredentials } from './redis-errors.ts'
import { ask, faultOf, refuseShared, replicasOf, type Assumption } from './redis-fitness.ts'
import { RedisLink, type RedisSession } from './redis-link.ts'
import { COMMIT, LEAD, PROBE, RANGE, RESIGN } from './redis-scripts.ts'

export interface RedisOptions {
  /** `redis://host:6379/0` or `rediss://...` */
  readonly url: string
  /** Names the data: `inventory` keeps its entries at `{inventory}:data`. */
  readonly name: string
  /** What the operator answers for instead of the server. @default nothing */
  readonly assume?: readonly Assumption[]
  /** How many replicas must have a commit before it is acknowledged. @default 1 as soon as one was seen */
  readonly replicas?: number
  /** How long the right to relay lasts without being renewed. @default 5000 */
  readonly leadMs?: number
  /** @default the machine's */
  readonly clock?: Clock
  readonly random?: () => number
}

/** Connects, and refuses a server that forgets. */
export async function openRedis (options: RedisOptions): Promise<KeyValueStore> {
  const protocol = URL.canParse(options.url) ? new URL(options.url).protocol : ''
  if (!/^rediss?:$/.test(protocol)) throw messagingError('E_STORE_URL', ['a key-value store', 'redis://host:port/0 or rediss://host:port/0'])
  const store = new RedisStore(options)
  await store.open()
  const parts = keyValueParts(store, options.clock ?? systemClock)
  return { ...parts, description: `redis ${withoutCredentials(options.url)} {${options.name}}`, close: () => store.close() }
}

const MAX_TRIES = 20
const CONFLICT_MS = 10_000
/** For how long the answer of a commit is asked for anew when it was lost: a server that restarts is back by then. */
const LEARN_MS = 5000
const SLOT_MS = 3_600_000

/** A commit's place at the server, where its second sending is known by its number. */
interface Slot {
  readonly key: string
  commits: number
}

class RedisStore {
  readonly entries: Entries
  readonly #options: RedisOptions
  readonly #clock: Clock
  readonly #random: () => number
  /** Apart from the commits: while one of them waits for a replica, nothing else on its connection is answered. */
  readonly #reads: RedisLink
  readonly #commits: RedisLink
  readonly #self = randomUUID()
  readonly #data: string
  readonly #index: string
  readonly #relay: string
  readonly #lanes = new KeyLanes()
  readonly #free: Slot[] = []
  #slots = 0
  #replicas: number
  #leadsUntil = -Infinity

  constructor (options: RedisOptions) {
    const { name, url, replicas = 0, clock = systemClock, random = Math.random } = options
    this.#options = options
    this.#clock = clock
    this.#random = random
    this.#replicas = replicas
    ;[this.#data, this.#index, this.#relay] = [`{${name}}:data`, `{${name}}:index`, `{${name}}:relay`]
    const check = (redis: Redis): Promise<void> => this.#check(redis)
    this.#reads = new RedisLink({ url, clock, check })
    this.#commits = new RedisLink({ url, clock, check })
    this.entries = this.#entries()
  }

  async open (): Promise<void> {
    try {
      const exclusive = this.#options.assume?.includes('exclusive') === true
      await this.#commits.call(async ({ redis }) => { if (!exclusive) await refuseShared(redis) })
    } catch (error) {
      this.#commits.close()
      throw error
    }
  }

  async close (): Promise<void> {
    // The next one need not wait until the lead has run out.
    if (this.#leadsUntil !== -Infinity) {
      await this.#commits.call(({ redis }) => redis.eval(RESIGN, 1, this.#relay, this.#self)).catch(() => {})
    }
    this.#commits.close()
    this.#reads.close()
  }

  /** Runs a command until nothing that it read was changed before its end. */
  run = async <Value>(fn: (writes: WriteSet) => Promise<Value>): Promise<Value> => {
    const giveUpAt = this.#clock.elapsed() + CONFLICT_MS
    let leave = (): void => {}
    try {
      for (let tries = 1; ; tries++) {
        const attempt = new Attempt<Value>(key => this.entries.get(key))
        await attempt.run(fn, this.#clock)
        const changed = await this.#settle(attempt)
        if (changed === undefined) return attempt.result()
        if (tries === MAX_TRIES || this.#clock.elapsed() > giveUpAt) {
          throw messagingError('E_STORE_CONFLICT', [], { where: this.#options.name })
        }
        leave()
        leave = await this.#lanes.enter(changed)
        await this.#clock.delay(this.#random() * 2 ** Math.min(tries, 6))
      }
    } finally {
      leave()
    }
  }

  /** True as long as nobody else relays, and what was read before is on the replicas that must have it. */
  lead = async (): Promise<boolean> => {
    const { leadMs = 5000 } = this.#options
    const askedAt = this.#clock.elapsed()
    if (this.#replicas === 0 && askedAt < this.#leadsUntil) return true
    this.#leadsUntil = -Infinity
    return this.#commits.call(async session => {
      if (await session.redis.eval(LEAD, 1, this.#relay, this.#self, leadMs) !== 1) return false
      await this.#replicated(session)
      // Asked for again long before it runs out at the server.
      this.#leadsUntil = askedAt + leadMs / 3
      return true
    })
  }

  #entries (): Entries {
    const [data, index] = [this.#data, this.#index]
    return {
      get: key => this.#reads.call(async ({ redis }) => await redis.hget(data, key) ?? undefined),
      range: (start, end, limit) => this.#reads.call(async ({ redis }) => {
        const found = await redis.eval(RANGE, 2, data, index, `[${start}`, `(${end}`, limit) as string[]
        return Array.from({ length: found.length / 2 }, (_, n) => ({ key: found[2 * n]!, value: found[2 * n + 1]! }))
      }),
      last: (start, end, limit) => this.#reads.call(({ redis }) =>
        redis.zrevrangebylex(index, `(${end}`, `[${start}`, 'LIMIT', 0, limit)),
      count: (start, end) => this.#reads.call(({ redis }) => redis.zlexcount(index, `[${start}`, `(${end}`))
    }
  }

  /** Returns the key that somebody else has changed, or undefined when the attempt stands. */
  async #settle (attempt: Attempt<unknown>): Promise<string | undefined> {
    // What was read may be taken back by a failover as long as no replica has it: nobody may act on it before.
    const writes = attempt.writing || (this.#replicas > 0 && !attempt.failed)
    if (!writes && !attempt.doubtful) return undefined
    const changed = await this.#commit(attempt.args(), writes)
    return changed === 0 ? undefined : attempt.checked(changed)
  }

  /** Sends a commit until its answer is there; its number in its slot tells the server that it has seen it before. */
  async #commit (args: readonly string[], writes: boolean): Promise<number> {
    const slot = this.#free.pop() ?? { key: `{${this.#options.name}}:done:${this.#self}:${this.#slots++}`, commits: 0 }
    slot.commits++
    const giveUpAt = this.#clock.elapsed() + LEARN_MS
    for (let lost: Lost | undefined; ;) {
      try {
        const changed = await this.#commits.attempt(session => this.#send(session, slot, args, writes))
        this.#free.push(slot)
        return changed
      } catch (error) {
        if (error instanceof Lost) lost = error
        else if (lost === undefined || isUnreplicated(error)) {
          this.#free.push(slot)
          throw error
        }
        // The slot is left alone: what is on its way in it may still arrive.
        if (this.#clock.elapsed() > giveUpAt) throw this.#unknown(lost)
        await this.#clock.delay(50 + this.#random() * 50)
      }
    }
  }

  async #send (session: RedisSession, slot: Slot, args: readonly string[], writes: boolean): Promise<number> {
    const changed = Number(await session.redis.call('EVAL', [COMMIT, 3, this.#data, this.#index, slot.key,
      slot.commits, SLOT_MS, writes ? '1' : '', ...args]))
    if (changed === 0 && writes) await this.#replicated(session)
    return changed
  }

  /** On the connection of the write: on another one, or on another server, there is nothing to wait for. */
  async #replicated (session: RedisSession): Promise<void> {
    if (this.#replicas === 0) return
    const got = await session.acknowledged(this.#replicas)
    if (got < this.#replicas) {
      throw messagingError('E_STORE_REPLICAS', [got, this.#replicas], { where: withoutCredentials(this.#options.url) })
    }
  }

  #unknown (lost: Lost): Error {
    return messagingError('E_STORE_UNKNOWN', [lost.message], { where: withoutCredentials(this.#options.url) })
  }

  async #check (redis: Redis): Promise<void> {
    const { url, assume = [], replicas } = this.#options
    // The driver goes on in the first database when there is no such one.
    await redis.select(Number(new URL(url).pathname.slice(1)))
    const said = await ask(redis)
    const fault = faultOf(said, new Set(assume), replicas ?? 0)
    if (fault !== undefined) throw fault
    // From the first one on, always: a primary that has lost its replicas is what a failover leaves behind.
    if (replicas === undefined && replicasOf(said) > 0) this.#replicas = 1
    await this.#probe(redis)
  }

  async #probe (redis: Redis): Promise<void> {
    const slot = `{${this.#options.name}}:done:${this.#self}:probe`
    const [entries, listed] =
      await redis.eval(PROBE, 3, this.#data, this.#index, slot, Math.trunc(this.#clock.now())) as [number, number]
    if (entries === listed) return
    throw messagingError('E_STORE_CORRUPT', [this.#data, `it has ${entries} entries, its index has ${listed}`])
  }
}

function isUnreplicated (error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'E_STORE_REPLICAS'
}
