/**
 * "Amazon SQS message quotas": 300 calls a second of each action on a FIFO queue or topic, unless it has the high
 * throughput of its groups. Beyond it: ThrottlingException, to be repeated.
 */
import type { Clock } from '../../clock.ts'
import { AwsFault } from './fault.ts'

export class Meter {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #windows = new Map<string, { at: number, calls: number }>()

  constructor (clock: Clock, perSecond: number) {
    this.#clock = clock
    this.#perSecond = perSecond
  }

  count (action: string, arn: string): void {
    const [key, now] = [`${action} ${arn}`, this.#clock.now()]
    const window = this.#windows.get(key)
    if (window === undefined || now - window.at >= 1000) this.#windows.set(key, { at: now, calls: 1 })
    else if (++window.calls > this.#perSecond) throw new AwsFault('ThrottlingException', 'Rate exceeded')
  }
}
