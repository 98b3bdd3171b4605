/** Which clients read which version last: what an operator looks at during a rollout. Bounded, oldest out first. */
import type { Ask } from '../environment/ask.ts'

export interface Reader {
  readonly application: string
  readonly profiles: string
  readonly label: string | null
  readonly instance: string
  readonly principal: string
  /** Tag of what it was given. */
  readonly etag: string
  readonly lastMs: number
}

const MAX_READERS = 5_000

export class Readers {
  readonly #readers = new Map<string, Reader>()

  note (ask: Ask, instance: string, principal: string, etag: string): void {
    const key = `${instance}\n${ask.name}\n${ask.profile}\n${ask.label ?? ''}`
    this.#readers.delete(key)
    this.#readers.set(key, {
      application: ask.name, profiles: ask.profile, label: ask.label, instance, principal, etag, lastMs: Date.now()
    })
    if (this.#readers.size > MAX_READERS) this.#readers.delete(this.#readers.keys().next().value ?? '')
  }

  get all (): readonly Reader[] {
    return [...this.#readers.values()]
  }
}
