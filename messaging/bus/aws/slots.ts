/** So many handlers at the same time; what waits holds none. */
export class Slots {
  #free: number
  readonly #waiting: Array<() => void> = []
  readonly #onRoom: () => void

  /** `onRoom` is called when a slot comes free that nobody waits for. */
  constructor (slots: number, onRoom = (): void => {}) {
    this.#free = slots
    this.#onRoom = onRoom
  }

  get hasRoom (): boolean {
    return this.#free > 0
  }

  async use<Value> (work: () => Promise<Value>): Promise<Value> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>(resolve => { this.#waiting.push(resolve) })
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  /** Lets all in: what is asked from now on finds by itself that all is over. */
  open (): void {
    this.#free = Infinity
    for (const enter of this.#waiting.splice(0)) enter()
  }

  /** The slot goes to the next in line without being free in between. */
  #leave (): void {
    const next = this.#waiting.shift()
    if (next !== undefined) return next()
    this.#free++
    this.#onRoom()
  }
}
