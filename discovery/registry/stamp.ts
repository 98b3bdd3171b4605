/**
 * When something was said, and by which registry: what orders all writes of a cluster the same way everywhere. `at` is
 * a hybrid logical clock in one number, 1024 ticks to the millisecond; `by` settles what is said in the same tick.
 */
export interface Stamp {
  readonly at: number
  readonly by: string
}

const TICKS = 1024
/** The year 2200; later than that is no time that anybody's clock shows, and would not survive a double. */
const LATEST = 7_258_118_400_000 * TICKS
const TEXT = /^(\d{1,16})-([A-Za-z0-9]{0,16})$/

/** Negative when `a` was said before `b`, 0 when they are the same word. */
export function compareStamps (a: Stamp, b: Stamp): number {
  return a.at - b.at || (a.by < b.by ? -1 : a.by > b.by ? 1 : 0)
}

/** Whether `a` was said after `b`; anything is after nothing. */
export function isLater (a: Stamp, b: Stamp | undefined): boolean {
  return b === undefined || compareStamps(a, b) > 0
}

export function formatStamp ({ at, by }: Stamp): string {
  return `${at}-${by}`
}

/** undefined for what is no stamp, or one of a time that cannot be. */
export function parseStamp (text: unknown): Stamp | undefined {
  const parts = typeof text === 'string' ? TEXT.exec(text) : null
  if (parts === null) return undefined
  const at = Number(parts[1])
  return at > LATEST ? undefined : { at, by: parts[2]! }
}

/** The milliseconds since 1970 of a stamp. */
export function timeOf ({ at }: Stamp): number {
  return at / TICKS
}

/**
 * The stamp of what a server told that knows no stamps, about something that nobody here has heard of: older than
 * every word of our own, and the same wherever it is taken over; of two the one with the client's newer timestamp.
 */
export function foreignStamp (lastDirtyAt: number): Stamp {
  return { at: Math.min(lastDirtyAt, LATEST / TICKS), by: '' }
}

/**
 * The cluster's time. It follows the fastest clock that it hears of, and goes on at that clock's pace: with the plain
 * logical clock, which only steps past what it has seen, a peer whose clock is ahead would win every second word.
 */
export class HybridClock {
  readonly #now: () => number
  readonly #by: string
  #aheadMs = 0
  #last = 0

  constructor (now: () => number, by: string) {
    this.#now = now
    this.#by = by
  }

  /** Milliseconds since 1970 by the fastest clock of the cluster. */
  get nowMs (): number {
    return this.#now() + this.#aheadMs
  }

  /** How far the fastest clock of the cluster is ahead of this machine's. */
  get aheadMs (): number {
    return this.#aheadMs
  }

  /** A time later than every one that was given or observed before. */
  next (): Stamp {
    this.#last = Math.max(Math.floor(this.nowMs * TICKS), this.#last + 1)
    return { at: this.#last, by: this.#by }
  }

  /** What a peer's clock shows, for a peer to `observe`. */
  read (): Stamp {
    return { at: Math.max(Math.floor(this.nowMs * TICKS), this.#last), by: this.#by }
  }

  observe ({ at }: Stamp): void {
    this.#last = Math.max(this.#last, at)
    this.#aheadMs = Math.max(this.#aheadMs, at / TICKS - this.#now())
  }
}
