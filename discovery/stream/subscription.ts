import type { Interest } from './interest.ts'

/** Where a reader's bytes go: its socket. `write` is false when that has enough for now. */
export interface Sink {
  write (bytes: Buffer): boolean
  end (): unknown
  destroy (): unknown
}

/**
 * One reader of the stream: a place in the change log and what is left of a snapshot being written. It never queues
 * changes: a reader that cannot follow is left where it is, and reads the (compacted) log from there when it drains.
 */
export class Subscription {
  readonly interest: Interest
  /** Readers with the same interest share the bytes of an event. */
  readonly interestKey: string
  /** The position up to which everything is written or being written. */
  at: number
  blockedSince: number | undefined
  readonly #sink: Sink
  readonly #now: () => number
  #parts: Buffer[] = []
  #next = 0

  constructor (sink: Sink, interest: Interest, at: number, now: () => number) {
    this.#sink = sink
    this.interest = interest
    this.interestKey = interest === undefined ? '*' : [...interest].sort().join(',')
    this.at = at
    this.#now = now
  }

  /** Whether it can take more now. */
  get ready (): boolean {
    return this.blockedSince === undefined && this.#next === this.#parts.length
  }

  /** Starts writing bytes that others may share; they are held by reference, not copied. */
  send (parts: Buffer[]): void {
    this.#parts = parts
    this.#next = 0
    this.#pump()
  }

  /** The socket took what it had: go on with the snapshot. */
  drained (): void {
    this.blockedSince = undefined
    this.#pump()
  }

  end (): void {
    this.#sink.end()
  }

  destroy (): void {
    this.#sink.destroy()
  }

  #pump (): void {
    while (this.#next < this.#parts.length && this.blockedSince === undefined) {
      if (!this.#sink.write(this.#parts[this.#next++]!)) this.blockedSince = this.#now()
    }
    if (this.#next === this.#parts.length) this.#release()
  }

  /** Lets go of the snapshot's bytes as soon as they are written. */
  #release (): void {
    this.#parts = []
    this.#next = 0
  }
}
