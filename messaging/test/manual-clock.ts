/** A clock that stands still until a test moves it. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Cancel, Clock } from '../clock.ts'

interface Timer { readonly fn: () => void, readonly everyMs: number | undefined, at: number }

export class ManualClock implements Clock {
  readonly #start = Date.UTC(2026, 0, 1)
  readonly #timers = new Set<Timer>()
  #elapsed = 0

  now (): number {
    return this.#start + this.#elapsed
  }

  elapsed (): number {
    return this.#elapsed
  }

  after (ms: number, fn: () => void): Cancel {
    return this.#add({ fn, at: this.#elapsed + ms, everyMs: undefined })
  }

  every (ms: number, fn: () => void): Cancel {
    return this.#add({ fn, at: this.#elapsed + ms, everyMs: ms })
  }

  delay (ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      if (signal?.aborted === true) return resolve()
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
      const abort = () => {
        cancel()
        resolve()
      }
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  turn (): Promise<void> {
    return turn()
  }

  /** Lets time pass, and does what falls due on the way, each at its time. */
  advance (ms: number): void {
    const end = this.#elapsed + ms
    for (;;) {
      const next = [...this.#timers].filter(timer => timer.at <= end).toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#elapsed = Math.max(this.#elapsed, next.at)
      if (next.everyMs === undefined) this.#timers.delete(next)
      else next.at += next.everyMs
      next.fn()
    }
    this.#elapsed = end
  }

  #add (timer: Timer): Cancel {
    this.#timers.add(timer)
    return () => { this.#timers.delete(timer) }
  }
}
