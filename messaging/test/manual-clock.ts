/** A clock that stands still until a test moves it. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Cancel, Clock } from '../clock.ts'
import { delay, every } from '../testing/timers.ts'

export class ManualClock implements Clock {
  #now = Date.parse('2026-03-01T12:00:00Z')
  /** How far the wall clock was set. */
  #aheadMs = 0
  readonly #timers = new Set<{ at: number, fn: () => void }>()
  readonly #startedAt = this.#now

  now (): number {
    return this.#now + this.#aheadMs
  }

  /** Sets the wall clock; no time passes. */
  set (nowMs: number): void {
    this.#aheadMs = nowMs - this.#now
  }

  elapsed (): number {
    return this.#now - this.#startedAt
  }

  after (ms: number, fn: () => void): Cancel {
    const timer = { at: this.#now + ms, fn }
    this.#timers.add(timer)
    return () => { this.#timers.delete(timer) }
  }

  readonly every = every((ms, fn) => this.after(ms, fn))
  readonly delay = delay((ms, fn) => this.after(ms, fn))

  turn (): Promise<void> {
    return turn()
  }

  /** Lets time pass: every timer at its moment, and what follows from it before the next. */
  async advance (ms: number): Promise<void> {
    const until = this.#now + ms
    await settle()
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0]
      if (next === undefined) break
      this.#now = Math.max(this.#now, next.at)
      this.#timers.delete(next)
      next.fn()
      await settle()
    }
    this.#now = until
    await settle()
  }

  get timers (): number {
    return this.#timers.size
  }
}

/** Nothing here waits for a disk or a socket, so that what follows from an event is done some turns later. */
async function settle (): Promise<void> {
  for (let n = 0; n < 30; n++) await turn()
}
