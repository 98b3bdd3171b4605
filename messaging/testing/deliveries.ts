/**
 * What happens to deliveries between the bus and a consumer. The bus promises each at least once, so what is dropped
 * comes again when its time is up, and what is held back or doubled comes later under another dedupe id, behind others.
 * Only what is lost on purpose never comes again.
 */
import type { Received } from '../bus/embedded/settlement.ts'
import type { Broker } from '../bus/embedded/broker.ts'
import type { Envelope } from '../envelope.ts'
import type { Random } from './random.ts'

export interface DeliveryHarm {
  /** Chance that a delivery comes again later. */
  duplicate: number
  /** Chance that a delivery comes later, behind others of its group. */
  reorder: number
  /** Chance that a delivery does not arrive; the bus gives it out again. */
  drop: number
  /** The longest that something is held back, in milliseconds. */
  holdMs: number
}

export interface DeliveriesParts {
  readonly random: Random
  /** Calls `run` so much later. */
  readonly later: (ms: number, run: () => void) => void
  /** The bus, from outside. */
  readonly bus: Broker
}

/** Taken away for good, as by somebody who drops a dead letter. */
export type Lose = (envelope: Envelope, queue: string) => boolean

const AGAIN_MS = 1000

export class Deliveries {
  readonly harm: DeliveryHarm = { duplicate: 0, reorder: 0, drop: 0, holdMs: 10_000 }
  /** How often what was done. */
  readonly done = { duplicated: 0, reordered: 0, dropped: 0, lost: 0 }
  /** Ids of what was lost for good. */
  readonly lost = new Set<string>()
  lose: Lose = () => false
  readonly #parts: DeliveriesParts
  #held = 0

  constructor (parts: DeliveriesParts) {
    this.#parts = parts
  }

  /** Messages that are held back. */
  get held (): number {
    return this.#held
  }

  /** What of the messages that the bus gives out arrives now. `bus` is its broker itself. */
  async pass (queue: string, messages: readonly Received[], bus: Broker): Promise<Received[]> {
    const arrived: Received[] = []
    for (const message of messages) if (await this.#arrives(queue, message, bus)) arrived.push(message)
    return arrived
  }

  async #arrives (queue: string, message: Received, bus: Broker): Promise<boolean> {
    const { random } = this.#parts
    const envelope = read(message.body)
    // What is no message is not worth the trouble.
    if (envelope === undefined) return true
    const { duplicate, reorder, drop } = this.harm
    if (random.chance(drop)) {
      this.done.dropped++
      return false
    }
    if (this.lose(envelope, queue)) {
      await this.#settle(queue, message, bus)
      this.done.lost++
      this.lost.add(envelope.id)
      return false
    }
    if (random.chance(reorder)) {
      await this.#settle(queue, message, bus)
      this.done.reordered++
      this.#hold(queue, message, envelope)
      return false
    }
    if (random.chance(duplicate)) {
      this.done.duplicated++
      this.#hold(queue, message, envelope)
    }
    return true
  }

  async #settle (queue: string, { group, receipt }: Received, bus: Broker): Promise<void> {
    await bus.settle(queue, [{ group, receipt, verdict: 'done' }])
  }

  #hold (queue: string, { group, body }: Received, { id, type }: Envelope): void {
    const { random, later, bus } = this.#parts
    const dedupe = `${id}:held-${random.below(1e9)}`
    this.#held++
    const message = { id, dedupe, group, type, body }
    const release = (): void => {
      // A bus that is down gets it when it is back.
      bus.send(queue, [message]).then(() => { this.#held-- }, () => { later(AGAIN_MS, release) })
    }
    later(random.next() * this.harm.holdMs, release)
  }
}

function read (body: string): Envelope | undefined {
  try {
    const envelope = JSON.parse(body) as Partial<Envelope> | null
    return typeof envelope?.id === 'string' && typeof envelope.type === 'string' ? envelope as Envelope : undefined
  } catch {
    return undefined
  }
}
