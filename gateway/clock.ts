/** Time as the data plane uses it: exact where it is measured, coarse where it is only compared. */

import { performance } from 'node:perf_hooks'

/**
 * Between the clock of this thread, which began when the thread did, and the machine's: cells that event loops share
 * hold times, which must mean the same in each. The narrowest of a few readings: the thread may have been held up.
 */
const OFFSET_MS = Array.from({ length: 8 }, () => {
  const before = performance.now()
  const machineMs = Number(process.hrtime.bigint()) / 1e6
  const after = performance.now()
  return { offsetMs: machineMs - (before + after) / 2, width: after - before }
}).reduce((best, one) => one.width < best.width ? one : best).offsetMs

export class Clock {
  /** Monotonic milliseconds of the last sweep: good enough for idle times and deadlines, and free. */
  coarseMs: number
  /** HTTP date of the last second. */
  private dateText = ''
  private dateSecond = -1
  private readonly monotonic: () => number
  private readonly wall: () => number

  constructor (monotonic: () => number = () => performance.now() + OFFSET_MS, wall: () => number = () => Date.now()) {
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
