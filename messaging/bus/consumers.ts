/** What a bus has running, so that closing it ends all of it. */
type Stop = () => Promise<void>

export class Consumers {
  readonly #stops = new Set<Stop>()

  /** Returns what stops this one, and forgets it. */
  add (stop: Stop): Stop {
    this.#stops.add(stop)
    return async () => {
      this.#stops.delete(stop)
      await stop()
    }
  }

  async stop (): Promise<void> {
    await Promise.all([...this.#stops].map(stop => stop()))
  }
}
