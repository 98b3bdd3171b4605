/** One line of the registry's diary: when, and which instance. */
export interface RecentEntry {
  readonly at: number
  readonly app: string
  readonly id: string
}

/** The last so many entries, newest first; older ones are dropped. */
export class Recent {
  readonly #entries: RecentEntry[] = []
  readonly #max: number
  #next = 0

  constructor (max: number) {
    this.#max = max
  }

  push (entry: RecentEntry): void {
    this.#entries[this.#next] = entry
    this.#next = (this.#next + 1) % this.#max
  }

  list (): RecentEntry[] {
    return [...this.#entries.slice(this.#next), ...this.#entries.slice(0, this.#next)].reverse()
  }
}
