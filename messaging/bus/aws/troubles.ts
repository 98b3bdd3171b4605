/** What a consumer does besides receiving, and how it goes: told with each failure, and when all of it works again. */
import type { ConsumeOptions } from '../bus.ts'

export type Duty = 'keep' | 'delete' | 'give back' | 'bury' | 'lane'

export class Troubles {
  readonly #options: Pick<ConsumeOptions, 'onError' | 'onUp'>
  readonly #failing = new Set<Duty>()

  constructor (options: Pick<ConsumeOptions, 'onError' | 'onUp'>) {
    this.#options = options
  }

  failed (duty: Duty, error: unknown): void {
    this.#failing.add(duty)
    this.#options.onError?.(error)
  }

  worked (duty: Duty): void {
    if (this.#failing.delete(duty) && this.#failing.size === 0) this.#options.onUp?.()
  }
}
