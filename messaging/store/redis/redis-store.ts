/**
 * The shared key-value store: Redis. A transaction reads what it needs, keeps what it read and what it wants to write,
 * and hands both to one script, which writes everything, outbox included, if nothing that was read has changed;
 * otherwise the transaction runs again. All keys lie in one hash slot.
 *
 * Redis must flush before it answers (`appendfsync always`), or an accepted order could vanish with the server; where
 * it has replicas, one of them must have it, too, or it could vanish with a failover.
 */
import { randomUUID } from 'node:crypto'
import { systemClock, type Clock } from '../../clock.ts'
import { messagingError } from '../../errors.ts'
import { KeyLanes } from './key-lanes.ts'
import type { Entries } from '../key-value-commits.ts'
import { keyValueParts, type KeyValueStore } from '../key-value-messaging.ts'
import type { WriteSet } from '../key-value-writes.ts'
import { Attempt } from './attempt.ts'
import { RedisCommits } from './commits.ts'
import { withoutCredentials } from './errors.ts'
import { refuseShared } from './fitness.ts'
import { closing } from '../closing.ts'
import { RedisGuard } from './guard.ts'
import { RedisLink } from './link.ts'
import { namesOf, type RedisNames } from './names.ts'
import { checkUrl, type RedisOptions } from './options.ts'
import { LEAD, RANGE, RESIGN } from './scripts.ts'

export { readRedisOptions, type RedisOptions } from './options.ts'

/** Connects, and refuses a server that forgets. */
export async function openRedis (options: RedisOptions): Promise<KeyValueStore> {
  checkUrl(options.url)
  const store = new RedisStore(options)
  await store.open()
  return closing({
    ...keyValueParts(store, options.clock ?? systemClock),
    description: `redis ${withoutCredentials(options.url)} {${options.name}}`,
    close: () => store.close()
  })
}

const MAX_TRIES = 20
const CONFLICT_MS = 10_000

class RedisStore {
  readonly entries: Entries
  /** A failover may take back numbers, and give them again. */
  readonly ordered = false
  readonly #options: RedisOptions
  readonly #names: RedisNames
  readonly #clock: Clock
  readonly #random: () => number
  readonly #guard: RedisGuard
  /** Apart from the commits: while one of them waits for a replica, nothing else on its connection is answered. */
  readonly #reads: RedisLink
  readonly #writes: RedisLink
  readonly #commits: RedisCommits
  readonly #instance = randomUUID()
  readonly #lanes = new KeyLanes()
  #leadsUntil = -Infinity

  constructor (options: RedisOptions) {
    const { name, url, clock = systemClock, random = Math.random, recheckMs = 10_000 } = options
    this.#options = options
    this.#clock = clock
    this.#random = random
    this.#names = namesOf(name)
    this.#guard = new RedisGuard(options, this.#names, this.#instance)
    this.#reads = new RedisLink({ url, clock, recheckMs, check: redis => this.#guard.check(redis) })
    this.#writes = new RedisLink({ url, clock, recheckMs, check: redis => this.#guard.checkWrites(redis) })
    this.#commits = new RedisCommits(
      { url, names: this.#names, instance: this.#instance, link: this.#writes, clock, random })
    this.entries = entriesOf(this.#reads, this.#names)
  }

  async open (): Promise<void> {
    const shared = this.#options.assume?.includes('shared') === true
    try {
      await this.#writes.call(async ({ redis }) => { if (!shared) await refuseShared(redis) })
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async close (): Promise<void> {
    // The next one need not wait until the lead has run out.
    if (this.#leadsUntil !== -Infinity) {
      await this.#writes.call(({ redis }) => redis.eval(RESIGN, 1, this.#names.relay, this.#instance)).catch(() => {})
    }
    this.#writes.close()
    this.#reads.close()
  }

  /** Runs a command until nothing that it read was changed before its end. */
  run = async <Value>(fn: (writes: WriteSet) => Promise<Value>): Promise<Value> => {
    const giveUpAt = this.#clock.elapsed() + CONFLICT_MS
    let leave = (): void => {}
    try {
      for (let tries = 1; ; tries++) {
        const attempt = new Attempt<Value>(key => this.entries.get(key))
        await attempt.run(fn, this.#clock, this.#options.commandMs ?? 5000)
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
    if (this.#guard.replicas === 0 && askedAt < this.#leadsUntil) return true
    this.#leadsUntil = -Infinity
    return this.#writes.call(async session => {
      if (await session.redis.eval(LEAD, 1, this.#names.relay, this.#instance, leadMs) !== 1) return false
      await this.#commits.replicated(session)
      // Asked for again long before it runs out at the server.
      this.#leadsUntil = askedAt + leadMs / 3
      return true
    })
  }

  /** Returns the key that somebody else has changed, or undefined when the attempt stands. */
  async #settle (attempt: Attempt<unknown>): Promise<string | undefined> {
    // What was read may be taken back by a failover as long as no replica has it: nobody may act on it before.
    const writes = attempt.writing || (this.#guard.replicas > 0 && !attempt.failed)
    if (!writes && !attempt.doubtful) return undefined
    const changed = await this.#commits.commit(attempt.args(), writes)
    return changed === 0 ? undefined : attempt.checked(changed)
  }
}

function entriesOf (link: RedisLink, { data, index }: RedisNames): Entries {
  return {
    get: key => link.call(async ({ redis }) => await redis.hget(data, key) ?? undefined),
    range: (start, end, limit) => link.call(async ({ redis }) => {
      const found = await redis.eval(RANGE, 2, data, index, `[${start}`, `(${end}`, limit) as string[]
      return Array.from({ length: found.length / 2 }, (_, n) => ({ key: found[2 * n]!, value: found[2 * n + 1]! }))
    }),
    last: (start, end, limit) =>
      link.call(({ redis }) => redis.zrevrangebylex(index, `(${end}`, `[${start}`, 'LIMIT', 0, limit)),
    count: (start, end) => link.call(({ redis }) => redis.zlexcount(index, `[${start}`, `(${end}`))
  }
}
