/** Commits at Redis: each is sent until its answer is there, and done once. */
import { hasCode, messagingError } from '../../errors.ts'
import type { Clock } from '../../clock.ts'
import { Lost, withoutCredentials } from './errors.ts'
import type { RedisLink, RedisSession } from './link.ts'
import type { RedisNames } from './names.ts'
import { COMMIT } from './scripts.ts'

/** For how long the answer of a commit is asked for anew when it was lost: a server that restarts is back by then. */
const LEARN_MS = 5000
const SLOT_MS = 3_600_000

/** A commit's place at the server, where its second sending is known by its number. */
interface Slot {
  readonly key: string
  commits: number
}

export interface RedisCommitsParts {
  readonly url: string
  readonly names: RedisNames
  readonly instance: string
  readonly link: RedisLink
  readonly clock: Clock
  readonly random: () => number
}

export class RedisCommits {
  readonly #parts: RedisCommitsParts
  readonly #free: Slot[] = []
  #slots = 0

  constructor (parts: RedisCommitsParts) {
    this.#parts = parts
  }

  /**
   * Returns 0, or the position of the check that failed. Throws E_STORE_UNKNOWN when nobody can say how it ended, and
   * E_STORE_REPLICAS when it is done at the server and nowhere else.
   */
  async commit (args: readonly string[], writes: boolean): Promise<number> {
    const { link, clock, random, url } = this.#parts
    const slot = this.#take()
    const giveUpAt = clock.elapsed() + LEARN_MS
    for (let lost: Lost | undefined; ;) {
      try {
        const changed = await link.attempt(session => this.#send(session, slot, args, writes))
        this.#free.push(slot)
        return changed
      } catch (error) {
        if (error instanceof Lost) lost = error
        else if (lost === undefined || hasCode(error, 'E_STORE_REPLICAS')) {
          this.#free.push(slot)
          throw error
        }
        // The slot is left alone: what is on its way in it may still arrive.
        if (clock.elapsed() > giveUpAt) {
          throw messagingError('E_STORE_UNKNOWN', [lost.message], { where: withoutCredentials(url), cause: error })
        }
        await clock.delay(50 + random() * 50)
      }
    }
  }

  /**
   * Waits until as many replicas as must have what was written on this connection. On another one, or on another
   * server, there would be nothing to wait for. Throws E_STORE_REPLICAS.
   */
  async replicated (session: RedisSession): Promise<void> {
    const { replicas } = session
    const got = replicas === 0 ? 0 : await session.acknowledged()
    if (got < replicas) {
      throw messagingError('E_STORE_REPLICAS', [got, replicas], { where: withoutCredentials(this.#parts.url) })
    }
  }

  async #send (session: RedisSession, slot: Slot, args: readonly string[], writes: boolean): Promise<number> {
    const { data, index } = this.#parts.names
    const changed = Number(await session.redis.call('EVAL',
      [COMMIT, 3, data, index, slot.key, slot.commits, SLOT_MS, writes ? '1' : '', ...args]))
    if (changed === 0 && writes) await this.replicated(session)
    return changed
  }

  #take (): Slot {
    const { names, instance } = this.#parts
    const slot = this.#free.pop() ?? { key: names.slot(instance, this.#slots++), commits: 0 }
    slot.commits++
    return slot
  }
}
