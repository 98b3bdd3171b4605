/**
 * The time in which a registry that started with nothing answers no lists (`waitTimeInMsWhenSyncEmpty`): clients would
 * take an empty list for the truth and forget everybody, while those who are there have not yet come to register.
 * Spring's server has no such time unless `defaultOpenForTrafficCount` is 0, Netflix's has five minutes.
 */
export class StartWindow {
  readonly #now: () => number
  #closedUntil = -Infinity

  constructor (now: () => number) {
    this.#now = now
  }

  /** Whether lists are answered. */
  get isOpen (): boolean {
    return this.#now() >= this.#closedUntil
  }

  /** Nothing was found to begin with. */
  close (ms: number): void {
    this.#closedUntil = this.#now() + ms
  }

  /** A peer had a list after all. */
  open (): void {
    this.#closedUntil = -Infinity
  }
}
