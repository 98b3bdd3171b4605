import { instanceJson } from '../eureka/json.ts'
import type { Book } from '../registry/book.ts'
import type { Instance } from '../registry/instance.ts'
import type { BackendView } from './backend.ts'

/** What the source said last of one application. */
interface Held {
  readonly instances: readonly Instance[]
  /** Each instance in words, to tell a true change from a repetition. */
  readonly words: ReadonlyMap<string, string>
}

/**
 * The book as a back end fills it. Who speaks to this registry itself lives by a lease as ever, and what the source
 * says of it is not taken over; when it falls silent and its lease ends, the source's word counts (it may speak to
 * another registry by now).
 */
export class BookView implements BackendView {
  readonly #book: Book
  readonly #held = new Map<string, Held>()

  constructor (book: Book) {
    this.#book = book
  }

  apps (): readonly string[] {
    return [...this.#held.keys()]
  }

  replace (app: string, instances: readonly Instance[]): void {
    const before = this.#held.get(app)
    const words = new Map(instances.map(instance => [instance.id, wordsOf(instance)]))
    if (instances.length === 0) this.#held.delete(app)
    else this.#held.set(app, { instances, words })
    for (const instance of instances) this.#take(instance, before?.words.get(instance.id) === words.get(instance.id))
    for (const id of before?.words.keys() ?? []) if (!words.has(id)) this.#release(app, id)
  }

  /** A lease of this registry ended: what the source says of the application counts again. */
  leaseEnded (app: string, id: string): void {
    const instance = this.#held.get(app)?.instances.find(held => held.id === id)
    if (instance !== undefined) this.#book.hold(instance)
  }

  #take (instance: Instance, unchanged: boolean): void {
    const lease = this.#book.lease(instance.app, instance.id)
    if (lease !== undefined && (lease.durationMs !== Infinity || unchanged)) return
    if (lease === undefined && this.#book.isFull) return
    this.#book.hold(instance)
  }

  #release (app: string, id: string): void {
    this.#book.release(app, id)
  }
}

/** Everything but the times, which the book gives. */
function wordsOf (instance: Instance): string {
  const lease = { ...instance.lease, registeredAt: 0, renewedAt: 0, evictedAt: 0, serviceUpAt: 0 }
  return instanceJson({ ...instance, lease, lastUpdatedAt: 0, action: 'ADDED' })
}
