/** Consumers that wait for a message, woken by arrival or when a lane's time is up. */
import type { Clock } from '../../clock.ts'
import type { BusBook } from './book.ts'
import type { Received } from './settlement.ts'
import type { ReceiveOptions } from './broker.ts'

export class Waiting {
  readonly #book: BusBook
  readonly #clock: Clock
  readonly #sleepers = new Map<string, Set<() => void>>()
  #wakes = 0
  #closed = false

  constructor (book: BusBook, clock: Clock) {
    this.#book = book
    this.#clock = clock
  }

  async receive (queue: string, options: ReceiveOptions, gone: AbortSignal): Promise<Received[]> {
    const deadline = this.#clock.elapsed() + options.waitMs
    for (;;) {
      if (gone.aborted) return []
      const wakes = this.#wakes
      const messages = await this.#book.receive(queue, options.max, options.visibilityMs, options.consumer)
      const left = deadline - this.#clock.elapsed()
      if (messages.length > 0 || left <= 0 || this.#closed) return messages
      const freeIn = await this.#book.nextFree(queue)
      // What came in while the book was looked into has woken nobody.
      if (this.#wakes !== wakes) continue
      await this.#sleep(queue, Math.min(left, Math.max(freeIn, 1)), gone)
    }
  }

  wake (queue: string): void {
    this.#wakes++
    for (const awake of this.#sleepers.get(queue) ?? []) awake()
  }

  close (): void {
    this.#closed = true
    for (const queue of this.#sleepers.keys()) this.wake(queue)
  }

  #sleep (queue: string, ms: number, gone: AbortSignal): Promise<void> {
    const sleepers = this.#sleepers.get(queue) ?? new Set()
    this.#sleepers.set(queue, sleepers)
    return new Promise(resolve => {
      const awake = () => {
        cancel()
        gone.removeEventListener('abort', awake)
        sleepers.delete(awake)
        if (sleepers.size === 0) this.#sleepers.delete(queue)
        resolve()
      }
      const cancel = this.#clock.after(ms, awake)
      gone.addEventListener('abort', awake)
      sleepers.add(awake)
    })
  }
}
