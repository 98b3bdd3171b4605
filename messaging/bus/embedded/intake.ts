/**
 * The way in: messages are written and flushed before their sender is told, and are in their lanes only then, so that
 * nobody gets what a crash could undo.
 */
import type { Clock } from '../../clock.ts'
import { messagingError } from '../../errors.ts'
import type { SqlStore } from '../../store/sqlite.ts'
import type { SqlTx } from '../../store/store.ts'
import type { Outgoing } from '../bus.ts'
import type { Bodies } from './bodies.ts'
import { deadIds, exhume } from './dead-letters.ts'
import type { Directory } from './directory.ts'
import { enqueue, type Entered } from './enqueue.ts'
import type { Erasures } from './erasures.ts'
import { fileBytes } from './inspection.ts'
import type { Lanes } from './lanes.ts'
import { MAX_ITEMS } from './limits.ts'
import type { Mark } from './mark.ts'
import type { Notice } from './notice.ts'
import { Unwanted } from './unwanted.ts'

const MEASURE_MS = 1000

/** What became of messages that were sent. */
export interface TakenIn {
  /** Queues that got something, for waking their consumers. */
  readonly queues: readonly string[]
  /** False: no service has asked for the queue yet, or nobody has subscribed to the topic. */
  readonly wanted: boolean
}

export interface IntakeParts {
  readonly store: SqlStore
  readonly clock: Clock
  readonly directory: Directory
  readonly erasures: Erasures
  readonly notice: Notice
  readonly mark: Mark | undefined
  readonly maxBytes: number
  readonly lanes: Promise<Lanes>
  readonly bodies: Bodies
}

export class Intake {
  readonly #parts: IntakeParts
  readonly #unwanted: Unwanted
  #bytes = 0
  #measuredAt = -Infinity

  constructor (parts: IntakeParts) {
    this.#parts = parts
    this.#unwanted = new Unwanted(parts.clock)
  }

  async publish (topic: string, messages: readonly Outgoing[]): Promise<TakenIn> {
    const { directory } = this.#parts
    let wanted = true
    const queues = await this.#enter(async tx => {
      const subscribers = await directory.subscribers(tx, topic)
      wanted = subscribers.length > 0
      return subscribers.flatMap(({ queue, types }) => messages.filter(message => types.has(message.type))
        .map(message => ({ queue, message })))
    })
    if (!wanted) directory.unrouted(topic, messages.length)
    this.#met(topic, wanted)
    return { queues, wanted }
  }

  /** Tells of topics that nobody has subscribed to, also where nothing more is published. */
  async tellUnrouted (): Promise<void> {
    for (const { topic, unrouted, subscriptions } of await this.#parts.directory.topics()) {
      if (unrouted > 0) this.#met(topic, subscriptions.length > 0)
    }
  }

  async send (queue: string, messages: readonly Outgoing[]): Promise<TakenIn> {
    const queues = await this.#enter(async () => messages.map(message => ({ queue, message })))
    return { queues, wanted: this.#parts.directory.isProvisioned(queue) }
  }

  /** Chunk by chunk, in the order in which they came: nobody waits for thousands. */
  async redrive (queue: string, ids: readonly string[] | 'all'): Promise<number> {
    const chosen = await deadIds(this.#parts.store, queue, ids)
    let count = 0
    for (let at = 0; at < chosen.length; at += MAX_ITEMS) {
      await this.#enter(async tx => {
        const letters: Array<{ queue: string, message: Outgoing }> = []
        for (const id of chosen.slice(at, at + MAX_ITEMS)) {
          const message = await exhume(tx, queue, id)
          if (message !== undefined) letters.push({ queue, message })
        }
        count += letters.length
        return letters
      })
    }
    return count
  }

  #met (topic: string, wanted: boolean): void {
    if (!this.#unwanted.met(topic, wanted)) return
    this.#parts.notice('nobody has subscribed to this topic: its events reach nobody', { topic })
  }

  /** What the database takes on the disk, as of a moment ago. */
  async bytes (): Promise<number> {
    const now = this.#parts.clock.elapsed()
    if (now >= this.#measuredAt + MEASURE_MS) {
      this.#measuredAt = now
      this.#bytes = await fileBytes(this.#parts.store)
    }
    return this.#bytes
  }

  /** Writes what `choose` says; returns the queues that got something new. */
  async #enter (
    choose: (tx: SqlTx) => Promise<ReadonlyArray<{ readonly queue: string, readonly message: Outgoing }>>
  ): Promise<string[]> {
    const { store, erasures, mark, bodies } = this.#parts
    const lanes = await this.#parts.lanes
    await this.#checkRoom()
    const flushed = erasures.flush()
    const entered = await store.tx(async tx => {
      const all: Array<Entered | undefined> = []
      for (const { queue, message } of await choose(tx)) all.push(await this.#enqueue(tx, queue, message))
      return all.filter(one => one !== undefined)
    })
    for (const { queue, group, seq, body } of entered) {
      lanes.add(queue, group, seq)
      bodies.keep(seq, body)
    }
    await flushed
    if (entered.length > 0) mark?.write(entered.at(-1)!.seq)
    return [...new Set(entered.map(one => one.queue))]
  }

  #enqueue (tx: SqlTx, queue: string, message: Outgoing): Promise<Entered | undefined> {
    const { clock, notice } = this.#parts
    return enqueue(tx, queue, message, clock.now(), () => {
      notice('a message is a dead letter: another one with its dedupe id was taken before',
        { queue, type: message.type, id: message.id })
    })
  }

  async #checkRoom (): Promise<void> {
    const { maxBytes } = this.#parts
    if (maxBytes < Infinity && await this.bytes() > maxBytes) throw messagingError('E_BUS_FULL', [this.#bytes, maxBytes])
  }
}
