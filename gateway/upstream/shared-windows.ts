/**
 * The outcomes that a breaker judges by, in memory that all event loops share: the last N calls, or those of the last N
 * seconds. Every step is one atomic operation, so that none is lost, and whoever adds the last failure sees them all.
 */
export interface WindowTotals {
  readonly calls: number
  readonly failures: number
  readonly slow: number
}

export interface SharedWindow {
  add (failed: boolean, slow: boolean, nowMs: number): void
  totals (nowMs: number): WindowTotals
}

const [HEAD, FAILURES, SLOW, RING] = [0, 1, 2, 3] as const
const [IS_FAILED, IS_SLOW] = [1, 2] as const

/** Resilience4j's COUNT_BASED. */
export class CountWindow implements SharedWindow {
  readonly #cells: Int32Array
  readonly #size: number

  constructor (cells: Int32Array, size: number) {
    this.#cells = cells
    this.#size = size
  }

  static cells (size: number): number {
    return RING + size
  }

  add (failed: boolean, slow: boolean): void {
    const outcome = (failed ? IS_FAILED : 0) | (slow ? IS_SLOW : 0)
    const former = Atomics.exchange(this.#cells, RING + this.#next(), outcome)
    addTo(this.#cells, FAILURES, (outcome & IS_FAILED) - (former & IS_FAILED))
    addTo(this.#cells, SLOW, ((outcome & IS_SLOW) - (former & IS_SLOW)) / IS_SLOW)
  }

  totals (): WindowTotals {
    return {
      calls: Math.min(this.#size, Atomics.load(this.#cells, HEAD)),
      failures: Atomics.load(this.#cells, FAILURES),
      slow: Atomics.load(this.#cells, SLOW)
    }
  }

  /** Counts up to twice the size and on from there: once full it stays full, however many calls come. */
  #next (): number {
    for (;;) {
      const head = Atomics.load(this.#cells, HEAD)
      const next = head + 1 === 2 * this.#size ? this.#size : head + 1
      if (Atomics.compareExchange(this.#cells, HEAD, head, next) === head) return head % this.#size
    }
  }
}

/** In one cell: how often the ring had gone round when it was counted, and the count. */
const COUNT_BITS = 16
const MOST = 2 ** COUNT_BITS - 1
const TURNS = 2 ** (31 - COUNT_BITS)
const KINDS = 3

/** Resilience4j's TIME_BASED: one bucket per second, whose counts begin anew when its turn comes again. */
export class TimeWindow implements SharedWindow {
  readonly #cells: Int32Array
  readonly #seconds: number

  constructor (cells: Int32Array, seconds: number) {
    this.#cells = cells
    this.#seconds = seconds
  }

  static cells (seconds: number): number {
    return KINDS * seconds
  }

  add (failed: boolean, slow: boolean, nowMs: number): void {
    const second = Math.floor(nowMs / 1000)
    // Failures first: nobody may see the call without them.
    if (failed) this.#count(FAILURES, second)
    if (slow) this.#count(SLOW, second)
    this.#count(HEAD, second)
  }

  totals (nowMs: number): WindowTotals {
    const second = Math.floor(nowMs / 1000)
    return { calls: this.#sum(HEAD, second), failures: this.#sum(FAILURES, second), slow: this.#sum(SLOW, second) }
  }

  #count (kind: number, second: number): void {
    const at = kind * this.#seconds + second % this.#seconds
    const turn = this.#turn(second)
    for (;;) {
      const now = Atomics.load(this.#cells, at)
      const count = now >>> COUNT_BITS === turn ? now & MOST : 0
      if (count === MOST) return
      if (Atomics.compareExchange(this.#cells, at, now, turn << COUNT_BITS | count + 1) === now) return
    }
  }

  #sum (kind: number, second: number): number {
    let sum = 0
    for (let s = Math.max(0, second - this.#seconds + 1); s <= second; s++) {
      const now = Atomics.load(this.#cells, kind * this.#seconds + s % this.#seconds)
      if (now >>> COUNT_BITS === this.#turn(s)) sum += now & MOST
    }
    return sum
  }

  /** From 1: cells that nothing was counted in have none. */
  #turn (second: number): number {
    return 1 + Math.floor(second / this.#seconds) % (TURNS - 1)
  }
}

/** The probes of a half-open breaker: what failed is counted before that it is over, so that the last one knows. */
export class Probes {
  readonly #cells: Int32Array

  constructor (cells: Int32Array) {
    this.#cells = cells
  }

  static readonly cells = KINDS

  add (failed: boolean, slow: boolean): void {
    addTo(this.#cells, FAILURES, failed ? 1 : 0)
    addTo(this.#cells, SLOW, slow ? 1 : 0)
    addTo(this.#cells, HEAD, 1)
  }

  get totals (): WindowTotals {
    const calls = Atomics.load(this.#cells, HEAD)
    return { calls, failures: Atomics.load(this.#cells, FAILURES), slow: Atomics.load(this.#cells, SLOW) }
  }
}

function addTo (cells: Int32Array, at: number, change: number): void {
  if (change !== 0) Atomics.add(cells, at, change)
}
