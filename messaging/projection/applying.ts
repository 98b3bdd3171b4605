/**
 * Events into one generation, each stream in its order:
 *
 *   version <= last      in it already: skipped
 *   version  = last + 1  applied, and marked in the same transaction
 *   version  > last + 1  a hole: what is missing is pulled from the source first
 *
 * An event that cannot be applied parks its stream and holds up no other: it is tried again now and then, because what
 * was wrong may have been the surroundings or the code.
 */
import { systemClock, type Clock } from '../clock.ts'
import { isTransient } from '../errors.ts'
import type { SqlTx } from '../store/store.ts'
import type { FeedEvent, ProjectionParts, StreamEvent } from './feed.ts'
import type { Parked, Progress } from './progress.ts'

/** Between two tries of a parked stream. */
const RETRY_PARKED_MS = 60_000
const RETRIED_AT_ONCE = 20
const MAX_ERROR = 1000

/** A stream's events lack something in between. */
class Hole extends Error {
  override readonly name = 'Hole'
}

export class Applying {
  readonly #parts: ProjectionParts
  readonly #progress: Progress
  readonly #clock: Clock

  constructor (parts: ProjectionParts, progress: Progress) {
    this.#parts = parts
    this.#progress = progress
    this.#clock = parts.clock ?? systemClock
  }

  /** In one transaction; throws {@link Hole}. Events of a parked stream wait for its next try. */
  async inOrder (tx: SqlTx, generation: number, events: readonly StreamEvent[]): Promise<void> {
    for (const event of events) {
      const { version, parked } = await this.#progress.at(tx, generation, event.stream)
      if (event.version <= version || parked) continue
      if (event.version > version + 1) throw new Hole(`${event.stream} has nothing between ${version} and ${event.version}`)
      await this.#parts.apply(tx, event, generation)
      await this.#progress.mark(tx, generation, event.stream, event.version)
    }
  }

  /** What a generation that is still being built can take; the feed brings it the rest. */
  async asFarAsPossible (tx: SqlTx, generation: number, events: readonly StreamEvent[]): Promise<void> {
    for (const event of events) {
      const { version } = await this.#progress.at(tx, generation, event.stream)
      if (event.version === version + 1) await this.inOrder(tx, generation, [event])
    }
  }

  /**
   * A page of the feed, together when all goes well, else one by one to find the event at fault. False when the
   * generation is nobody's any more.
   */
  async page (generation: number, events: readonly FeedEvent[]): Promise<boolean> {
    const commit = (some: readonly FeedEvent[]) => this.#commit(generation, async tx => {
      await this.inOrder(tx, generation, some)
      await this.#progress.markPosition(tx, generation, some.at(-1)!.pos)
    })
    try {
      return await commit(events)
    } catch (error) {
      if (isTransient(error)) throw error
    }
    for (const event of events) {
      if (!await commit([event]).catch(error => this.#resolve(generation, event, error))) return false
    }
    return true
  }

  /** Events of one stream as its source has them; what cannot be applied parks it. */
  async stream (generation: number, events: readonly StreamEvent[]): Promise<void> {
    for (const event of events) {
      await this.#commit(generation, tx => this.inOrder(tx, generation, [event]))
        .catch(error => this.#park(generation, event, error))
    }
  }

  /** Tries the streams again that have stood still for a while, or since an instant. */
  async retryParked (generation: number, beforeMs = this.#clock.now() - RETRY_PARKED_MS): Promise<void> {
    const { store: { read }, pull } = this.#parts
    for (const parked of await this.#progress.parked(read, generation, beforeMs, RETRIED_AT_ONCE)) {
      const { version } = await this.#progress.at(read, generation, parked.stream)
      const events = await pull(parked.stream, version + 1)
      await this.#commit(generation, async tx => {
        if (events.length === 0) throw new Hole(`the source has nothing of ${parked.stream} behind ${version}`)
        await this.#progress.unpark(tx, generation, parked.stream)
        await this.inOrder(tx, generation, events)
      }).catch(error => this.#putOff(generation, parked, error))
    }
  }

  /** What one event of the feed failed with: a hole is filled from the source, anything else parks the stream. */
  async #resolve (generation: number, event: FeedEvent, error: unknown): Promise<boolean> {
    const at = () => this.#progress.at(this.#parts.store.read, generation, event.stream)
    if (error instanceof Hole) {
      await this.stream(generation, await this.#parts.pull(event.stream, (await at()).version + 1))
    }
    if (event.version > (await at()).version) await this.#park(generation, event, error)
    return this.#commit(generation, tx => this.#progress.markPosition(tx, generation, event.pos))
  }

  async #park (generation: number, { stream, version, type }: StreamEvent, error: unknown): Promise<void> {
    if (isTransient(error)) throw error
    const parked: Parked = { stream, version, type, error: textOf(error), at: this.#clock.now() }
    await this.#commit(generation, async tx => {
      if (!(await this.#progress.at(tx, generation, stream)).parked) await this.#progress.park(tx, generation, parked)
    })
    const { log, name } = this.#parts
    log.error({ projection: name, generation, ...parked }, 'an event could not be applied; its stream stands still')
  }

  async #putOff (generation: number, parked: Parked, error: unknown): Promise<void> {
    if (isTransient(error)) throw error
    await this.#commit(generation, tx =>
      this.#progress.park(tx, generation, { ...parked, error: textOf(error), at: this.#clock.now() }))
  }

  /** Nothing is written into a generation that was given up or has been swept meanwhile; false then. */
  #commit (generation: number, write: (tx: SqlTx) => Promise<void>): Promise<boolean> {
    return this.#parts.store.tx(async tx => {
      const mine = (await this.#progress.generations(tx)).mine.includes(generation)
      if (mine) await write(tx)
      return mine
    })
  }
}

function textOf (error: unknown): string {
  return String(error).slice(0, MAX_ERROR)
}
