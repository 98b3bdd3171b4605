/** What is held back at present, for health and metrics. Bounded. */
import type { Asker } from '../backends/backend.ts'
import type { Ask } from '../environment/ask.ts'

/** What is held back, and from whom. */
export interface HeldBack {
  readonly application: string
  readonly profiles: string
  readonly label: string | null
  readonly problem: string
  /** Version that is served instead; undefined when there is none. */
  readonly served: string | null | undefined
}

interface Entry {
  readonly ask: Ask
  readonly asker: Asker
  readonly held: HeldBack
}

const MAX_HELD = 500

export class HeldBackList {
  readonly #entries = new Map<string, Entry>()
  #count = 0

  get all (): readonly HeldBack[] {
    return [...this.#entries.values()].map(({ held }) => held)
  }

  /** How often a state was held back since the start. */
  get count (): number {
    return this.#count
  }

  /** Tells whether that is news. */
  add (key: string, entry: Entry): boolean {
    const isNew = this.#entries.get(key)?.held.problem !== entry.held.problem
    if (isNew) this.#count++
    if (this.#entries.size < MAX_HELD || this.#entries.has(key)) this.#entries.set(key, entry)
    return isNew
  }

  get (key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  delete (key: string): void {
    this.#entries.delete(key)
  }

  /** The questions that were held back, to be asked again after a change: nobody else may ask them. */
  get questions (): readonly Entry[] {
    return [...this.#entries.values()]
  }
}
