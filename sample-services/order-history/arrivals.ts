/** Requests that wait for an order's next version, woken by the commit that brings it. */
import { systemClock, type Cancel, type Clock } from '@breakwater/messaging'

export class Arrivals {
  readonly clock: Clock
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor (clock: Clock = systemClock) {
    this.clock = clock
  }

  /** Called behind each commit. */
  announce (orderIds: Iterable<string>): void {
    for (const id of orderIds) for (const wake of this.#waiting.get(id) ?? []) wake()
  }

  /**
   * Begins to listen at once, so that nothing is missed between a look and the waiting for what the look did not find.
   * `next` resolves at the first announcement since then, or when the time is up; `end` must be called.
   */
  listen (orderId: string): { next (ms: number): Promise<void>, end (): void } {
    let cancel: Cancel | undefined
    let wake = (): void => {}
    const woken = new Promise<void>(resolve => { wake = resolve })
    const others = this.#waiting.get(orderId) ?? new Set()
    this.#waiting.set(orderId, others.add(wake))
    return {
      next: ms => {
        cancel = this.clock.after(ms, wake)
        return woken
      },
      end: () => {
        cancel?.()
        others.delete(wake)
        if (others.size === 0 && this.#waiting.get(orderId) === others) this.#waiting.delete(orderId)
      }
    }
  }
}
