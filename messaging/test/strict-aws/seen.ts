/**
 * "Exactly-once processing": a deduplication id is remembered for five minutes, whether or not its message is still
 * there.
 */
import type { Clock } from '../../clock.ts'

const WINDOW_MS = 300_000

export class Seen<Value> {
  readonly #clock: Clock
  readonly #entries = new Map<string, { readonly at: number, readonly value: Value }>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  get (key: string): Value | undefined {
    const entry = this.#entries.get(key)
    return entry === undefined || this.#clock.now() - entry.at >= WINDOW_MS ? undefined : entry.value
  }

  set (key: string, value: Value): void {
    this.#entries.set(key, { at: this.#clock.now(), value })
  }
}
