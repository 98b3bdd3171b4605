/** Time as the data plane uses it: exact where it is measured, coarse where it is only compared. */

import { performance } from 'node:perf_hooks'

export class Clock {
  /** Monotonic milliseconds of the last sweep: good enough for idle times and deadlines, and free. */
  coarseMs: number
  /** HTTP date of the last second. */
  private dateText = ''
  private dateSecond = -1
  /** Node counts from the start of the process in all its threads: times in cells that loops share mean the same. */
  private readonly monotonic: () => number
  private readonly wall: () => number

  constructor (monotonic: () => number = () => performance.now(), wall: () => number = () => Date.now()) {
    this.monotonic = monotonic
    this.wall = wall
    this.coarseMs = monotonic()
  }

  now (): number {
    return this.monotonic()
  }

  tick (): number {
    this.coarseMs = this.monotonic()
    return this.coarseMs
  }

  /** Unix time, for logs and timestamps. */
  wallMs (): number {
    return this.wall()
  }

  httpDate (): string {
    const second = Math.floor(this.wall() / 1000)
    if (second !== this.dateSecond) {
      this.dateSecond = second
      this.dateText = new Date(second * 1000).toUTCString()
    }
    return this.dateText
  }
}
