/** How long the event loop was held up: the longest stall of the last half to whole minute. */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 10
const WINDOW_MS = 30_000

type Histogram = Pick<ReturnType<typeof monitorEventLoopDelay>, 'max' | 'enable' | 'reset' | 'disable'>

export class LoopDelay {
  private readonly histogram: Histogram
  private windowEndMs: number
  /** Of the window before, so that a stall is seen by every scrape for a while. */
  private beforeSeconds = 0

  constructor (nowMs: number, histogram: Histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })) {
    this.histogram = histogram
    this.histogram.enable()
    this.windowEndMs = nowMs + WINDOW_MS
  }

  /** The longest stall, in seconds. Asked at least once a second by whoever collects the counters. */
  maxSeconds (nowMs: number): number {
    const current = this.currentSeconds()
    const longest = Math.max(this.beforeSeconds, current)
    if (nowMs >= this.windowEndMs) {
      this.windowEndMs = nowMs + WINDOW_MS
      this.beforeSeconds = current
      this.histogram.reset()
    }
    return longest
  }

  /** The histogram counts the time between two of its ticks, which is its resolution when nothing holds them up. */
  private currentSeconds (): number {
    return Math.max(0, this.histogram.max / 1e9 - RESOLUTION_MS / 1e3)
  }

  stop (): void {
    this.histogram.disable()
  }
}
