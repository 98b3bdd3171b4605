/**
 * One count of all event loops, and beside it how much of that each of them holds: a loop that dies cannot give back
 * what it held, so the control loop does it in its place.
 */
import type { LoopPlace } from './shared-cells.ts'

export class LoopCounter {
  readonly #cells: Int32Array
  readonly #own: number

  /** As many cells as `size` says, zero at first. */
  constructor (cells: Int32Array, { index }: LoopPlace) {
    this.#cells = cells
    this.#own = 1 + index
  }

  static size ({ count }: LoopPlace): number {
    return 1 + count
  }

  get total (): number {
    return Atomics.load(this.#cells, 0)
  }

  /** One more, unless there are `limit` of them. */
  enter (limit: number): boolean {
    for (;;) {
      const now = Atomics.load(this.#cells, 0)
      if (now >= limit) return false
      if (Atomics.compareExchange(this.#cells, 0, now, now + 1) !== now) continue
      Atomics.add(this.#cells, this.#own, 1)
      return true
    }
  }

  leave (): void {
    Atomics.sub(this.#cells, this.#own, 1)
    Atomics.sub(this.#cells, 0, 1)
  }

  /** What was entered stays counted, whatever becomes of this loop. */
  keep (): void {
    Atomics.sub(this.#cells, this.#own, 1)
  }

  /** The loop at `index` has ended. */
  giveBack (index: number): void {
    Atomics.sub(this.#cells, 0, Atomics.exchange(this.#cells, 1 + index, 0))
  }
}
