/** What the embedded bus does for its clients: the same over HTTP (see `http-broker.ts`) and within one process. */
import { systemClock, type Clock } from '../../clock.ts'
import type { DeadLetter, Outgoing, QueueStat, Refused } from '../bus.ts'
import type { BookStat, BusBook } from './book.ts'
import type { TakenIn } from './intake.ts'
import type { Received, Settlement } from './settlement.ts'
import { Waiting } from './waiting.ts'

export interface ReceiveOptions {
  /** How many groups are asked for. */
  readonly max: number
  /** How long to wait for the first message. */
  readonly waitMs: number
  readonly visibilityMs: number
  /** Who asks; what it holds can be given back in one call. */
  readonly consumer: string
}

/** What became of messages that were sent. */
export interface Sent {
  readonly refused: Refused
  /** False: no service has asked for the queue yet, or nobody has subscribed to the topic. */
  readonly wanted: boolean
}

export interface Broker {
  /** A service asks for its queue. */
  provision (queue: string): Promise<void>
  /** Adds types to those that the queue gets of a topic. */
  subscribe (topic: string, queue: string, types: readonly string[]): Promise<void>
  /** Takes types away from them; all of them when none is named. */
  unsubscribe (topic: string, queue: string, types: readonly string[]): Promise<void>
  publish (topic: string, messages: readonly Outgoing[]): Promise<Sent>
  send (queue: string, messages: readonly Outgoing[]): Promise<Sent>
  /** Heads of free lanes. Aborted too late it hands out to nobody: {@link leave} gives that back. */
  receive (queue: string, options: ReceiveOptions, signal: AbortSignal): Promise<readonly Received[]>
  /** Returns the receipts that were stale. */
  settle (queue: string, settlements: readonly Settlement[]): Promise<readonly string[]>
  /** Rejects with E_STALE_RECEIPT when somebody else has it. */
  extend (queue: string, group: string, receipt: string, ms: number): Promise<void>
  /** Gives back, untried and so uncounted, what the consumer holds but does not work at. */
  leave (queue: string, consumer: string, working: readonly string[]): Promise<void>
  dead (queue: string, limit: number): Promise<DeadLetter[]>
  redrive (queue: string, ids: readonly string[] | 'all'): Promise<number>
  drop (queue: string, ids: readonly string[]): Promise<number>
  stats (queue: string): Promise<QueueStat>
}

const NONE_REFUSED: Refused = new Map()

/** A {@link Broker} on a book. */
export class BookBroker implements Broker {
  readonly #book: BusBook
  readonly #waiting: Waiting

  constructor (book: BusBook, clock: Clock = systemClock) {
    this.#book = book
    this.#waiting = new Waiting(book, clock)
  }

  provision (queue: string): Promise<void> {
    return this.#book.provision(queue)
  }

  subscribe (topic: string, queue: string, types: readonly string[]): Promise<void> {
    return this.#book.directory.subscribe(topic, queue, types)
  }

  unsubscribe (topic: string, queue: string, types: readonly string[]): Promise<void> {
    return this.#book.directory.unsubscribe(topic, queue, types)
  }

  async publish (topic: string, messages: readonly Outgoing[]): Promise<Sent> {
    return this.#sent(await this.#book.publish(topic, messages))
  }

  async send (queue: string, messages: readonly Outgoing[]): Promise<Sent> {
    return this.#sent(await this.#book.send(queue, messages))
  }

  receive (queue: string, options: ReceiveOptions, signal: AbortSignal): Promise<readonly Received[]> {
    return this.#waiting.receive(queue, options, signal)
  }

  async settle (queue: string, settlements: readonly Settlement[]): Promise<readonly string[]> {
    const stale = await this.#book.settle(queue, settlements)
    this.#waiting.wake(queue)
    return stale
  }

  extend (queue: string, group: string, receipt: string, ms: number): Promise<void> {
    return this.#book.extend(queue, group, receipt, ms)
  }

  async leave (queue: string, consumer: string, working: readonly string[]): Promise<void> {
    await this.#book.leave(queue, consumer, working)
    this.#waiting.wake(queue)
  }

  dead (queue: string, limit: number): Promise<DeadLetter[]> {
    return this.#book.dead(queue, limit)
  }

  async redrive (queue: string, ids: readonly string[] | 'all'): Promise<number> {
    const count = await this.#book.redrive(queue, ids)
    this.#waiting.wake(queue)
    return count
  }

  drop (queue: string, ids: readonly string[]): Promise<number> {
    return this.#book.drop(queue, ids)
  }

  stats (queue: string): Promise<BookStat> {
    return this.#book.stats(queue)
  }

  async all (): Promise<BookStat[]> {
    return Promise.all((await this.#book.queues()).map(queue => this.#book.stats(queue)))
  }

  /** Answers who waits, and writes what is still to be written. */
  async close (): Promise<void> {
    this.#waiting.close()
    await this.#book.close()
  }

  #sent ({ queues, wanted }: TakenIn): Sent {
    for (const queue of queues) this.#waiting.wake(queue)
    return { refused: NONE_REFUSED, wanted }
  }
}
