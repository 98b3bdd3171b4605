/**
 * Messages that may be what ends the process which handles them. A bus that cannot tell how a delivery ended (SQS)
 * tells how often there was one; from some on, a try is noted in the store before it begins and struck out when it has
 * ended, so that only those count that nobody came back from. Such messages are tried one at a time: with others beside
 * it, the innocent would be noted with the guilty. Who comes meanwhile waits as for surroundings that are down, which
 * holds up nobody.
 */
import type { Delivery, Handler } from './bus/bus.ts'
import { Poison, Transient } from './errors.ts'
import type { OutboxEntry, Store, Tx } from './store/store.ts'

/** Received so often a message may just have seen some restarts. */
const UNSUSPICIOUS = 3
/** Tries without an end, after which a message is a dead letter. */
const MAX_DEATHS = 5

/** A try that has begun. Kept as the replies of an inbox row of their own: every store has those, and purges them. */
const MARK: OutboxEntry = { id: '', dedupe: '', kind: 'event', dest: '', group: '', type: '', body: '' }

export class Suspects<T extends Tx> {
  readonly #store: Pick<Store<T>, 'tx'>
  readonly #consumer: string
  readonly #handler: Handler
  /** Tries that have ended, and that the store could not strike out. */
  readonly #ended = new Map<string, number>()
  #trying = false

  constructor (store: Pick<Store<T>, 'tx'>, service: string, handler: Handler) {
    this.#store = store
    this.#consumer = `${service}/tries`
    this.#handler = handler
  }

  /** Handles a delivery; Poison when too many tries of its message have ended nobody knows how. */
  async handle (delivery: Delivery): Promise<void> {
    if ((delivery.receives ?? 1) <= UNSUSPICIOUS) return this.#handler(delivery)
    if (this.#trying) throw new Transient('another message that may end its consumer is tried at present')
    this.#trying = true
    try {
      await this.#alone(delivery)
    } finally {
      this.#trying = false
    }
  }

  async #alone (delivery: Delivery): Promise<void> {
    const { id } = delivery.envelope
    const ended = this.#ended.get(id) ?? 0
    const deaths = await this.#note(id, marks => [...marks.slice(ended), MARK]) - ended
    this.#ended.delete(id)
    if (deaths >= MAX_DEATHS) throw new Poison(`${deaths} tries of it have ended without a word, its consumers with them`)
    try {
      await this.#handler(delivery)
    } finally {
      await this.#note(id, marks => marks.slice(1)).catch(() => { this.#ended.set(id, 1) })
    }
  }

  /** Returns how many tries were noted before. */
  #note (id: string, change: (marks: readonly OutboxEntry[]) => readonly OutboxEntry[]): Promise<number> {
    return this.#store.tx(async tx => {
      const claim = await tx.inbox.claim(this.#consumer, id)
      const marks = claim.fresh ? [] : claim.replies
      await tx.inbox.keepReplies(this.#consumer, id, change(marks))
      return marks.length
    })
  }
}
