/**
 * Lanes whose surroundings are down. They wait in hand: given back, each probe would be a receive, and SQS counts
 * those. So many of them are probed at a time, and whoever gets through takes others along.
 */
import type { Clock } from '../../clock.ts'
import { FREED_BY_ONE, probeDelayMs } from '../probing.ts'

/** `leave`: there is no room for it, it must go back to its queue. */
export type Next = 'again' | 'leave'

interface Waiter { readonly wake: (next: Next) => void, readonly mayLeave: boolean }

export class Outage {
  readonly #clock: Clock
  /** Longest first. */
  readonly #waiting = new Set<Waiter>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Waits for its next probe, or the end of the consumer. `mayLeave`: nothing is lost when it goes back. */
  async wait (delayMs: number, mayLeave: boolean, signal: AbortSignal): Promise<Next> {
    const over = new AbortController()
    const woken = Promise.withResolvers<Next>()
    const waiter = { wake: woken.resolve, mayLeave }
    const ms = probeDelayMs(delayMs, this.#waiting.size)
    this.#waiting.add(waiter)
    try {
      const probe = this.#clock.delay(ms, AbortSignal.any([signal, over.signal])).then((): Next => 'again')
      return await Promise.race([probe, woken.promise])
    } finally {
      over.abort()
      this.#waiting.delete(waiter)
    }
  }

  /** Somebody's surroundings are back. */
  through (): void {
    this.#wake([...this.#waiting].slice(0, FREED_BY_ONE), 'again')
  }

  /** Makes the longest waiting lanes go back. */
  sendAway (lanes: number): void {
    this.#wake([...this.#waiting].filter(waiter => waiter.mayLeave).slice(0, lanes), 'leave')
  }

  #wake (waiters: readonly Waiter[], next: Next): void {
    for (const waiter of waiters) {
      this.#waiting.delete(waiter)
      waiter.wake(next)
    }
  }
}
