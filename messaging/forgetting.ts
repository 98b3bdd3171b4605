/** What is done is kept for a while. How far the inbox has forgotten decides which message is too old for it. */
import type { Clock } from './clock.ts'
import type { MessagingOptions } from './options.ts'
import type { Store } from './store/store.ts'

type Keeping = Pick<MessagingOptions, 'keepSentMs' | 'keepInboxMs' | 'keepAnswersMs'>

export class Forgetting {
  /** The newest message that the inbox has forgotten, by its own clock; 0 when none. */
  upTo = 0
  readonly #store: Pick<Store, 'purge' | 'forgotten'>
  readonly #keeping: Keeping
  readonly #clock: Clock
  readonly #startedAt: { readonly now: number, readonly elapsed: number }

  constructor (store: Pick<Store, 'purge' | 'forgotten'>, keeping: Keeping, clock: Clock) {
    this.#store = store
    this.#keeping = keeping
    this.#clock = clock
    this.#startedAt = { now: clock.now(), elapsed: clock.elapsed() }
  }

  async read (): Promise<void> {
    this.upTo = await this.#store.forgotten()
  }

  async purge (): Promise<void> {
    const { keepSentMs, keepInboxMs, keepAnswersMs } = this.#keeping
    // A wall clock that was set forth has made nothing older.
    const passed = this.#startedAt.now + this.#clock.elapsed() - this.#startedAt.elapsed
    const now = Math.min(this.#clock.now(), passed)
    await this.#store.purge({ sentMs: now - keepSentMs, inboxMs: now - keepInboxMs, answersMs: now - keepAnswersMs })
    await this.read()
  }
}
