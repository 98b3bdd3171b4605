/**
 * How many calls at once a route bears, found out while it runs: the gradient of Envoy's adaptive concurrency and
 * Netflix's concurrency-limits.
 *
 * While answers take no longer than they do without a queue (times a tolerance) the limit grows by sqrt(limit); when
 * they do it shrinks by the ratio. A window with timeouts or 503s shrinks it by a tenth, whatever the times say: an
 * upstream that sheds load answers fast. Nothing is queued here: beyond the limit a call is refused.
 *
 * The time without a queue is known whenever a route is nearly idle. One that never is would take its own queue for
 * normal and let it grow without end, so now and then it is held down to the least limit for a moment to measure; a
 * route that does not come near its limit never is.
 */
import type { Bulkhead } from './upstream.ts'

export interface AdaptiveLimitOptions {
  /** @default 20 */
  readonly initialLimit: number
  /** @default 3; never below. What surely needs no queue: there the time without one is measured. */
  readonly minLimit: number
  /** @default 1000 */
  readonly maxLimit: number
  /** @default 1.5: answers may take half as long again before the limit shrinks; 1 or more. */
  readonly tolerance: number
}

export const ADAPTIVE_DEFAULTS: AdaptiveLimitOptions = {
  initialLimit: 20, minLimit: 3, maxLimit: 1_000, tolerance: 1.5
}

const SMOOTHING = 0.2
const LEAST_GRADIENT = 0.5
const BACKOFF = 0.9
/** A window is at least this long and has at least so many answers: one answer says nothing. */
const WINDOW_MS = 100
const WINDOW_SAMPLES = 10
const FIRST_PROBE_MS = 1_000
const PROBE_EVERY_MS = 60_000
/** Calls that never end (streams) would keep a probe waiting for a moment with few of them. */
const PROBE_LONGEST_MS = 1_000

export class AdaptiveLimit implements Bulkhead {
  readonly kind = 'adaptive'
  active = 0
  refused = 0
  onRefused: () => void = () => {}
  options: AdaptiveLimitOptions
  /** What answers take without a queue; 0 = not known yet. */
  unqueuedMs = 0
  #limit: number
  #nextProbeMs = 0
  /** Infinity: no probe is on. */
  #probeEndMs = Number.POSITIVE_INFINITY
  #windowEndMs = 0
  #samples = 0
  #answers = 0
  #sumMs = 0
  #mostActive = 0

  constructor (options: AdaptiveLimitOptions) {
    this.options = options
    this.#limit = options.initialLimit
  }

  get limit (): number {
    return Math.floor(this.#limit)
  }

  enter (nowMs: number): boolean {
    if (nowMs >= this.#probeEndMs) this.#endProbe(nowMs)
    const probing = this.#probeEndMs !== Number.POSITIVE_INFINITY
    if (this.active >= (probing ? this.options.minLimit : this.limit)) {
      this.refused++
      this.onRefused()
      return false
    }
    this.active++
    if (this.active > this.#mostActive) this.#mostActive = this.active
    return true
  }

  leave (): void {
    this.active--
  }

  observe (elapsedMs: number, dropped: boolean, nowMs: number): void {
    if (!dropped) {
      this.#answers++
      this.#sumMs += elapsedMs
    }
    if (++this.#samples < WINDOW_SAMPLES || nowMs < this.#windowEndMs) return
    if (this.#answers < this.#samples) this.#set(this.#limit * BACKOFF)
    else this.#judge(Math.max(0.1, this.#sumMs / this.#answers), nowMs)
    this.#windowEndMs = nowMs + WINDOW_MS
    this.#samples = this.#answers = this.#sumMs = 0
    this.#mostActive = this.active
  }

  /** A window of answers that took `meanMs`. */
  #judge (meanMs: number, nowMs: number): void {
    this.#learn(meanMs, nowMs)
    const probing = this.#probeEndMs !== Number.POSITIVE_INFINITY
    // A limit that nobody comes near says nothing about what the upstream bears.
    if (probing || this.#mostActive < this.#limit / 2) return
    const gradient = Math.max(LEAST_GRADIENT, Math.min(1, this.options.tolerance * this.unqueuedMs / meanMs))
    const wanted = this.#limit * gradient + Math.sqrt(this.#limit)
    this.#set(this.#limit * (1 - SMOOTHING) + wanted * SMOOTHING)
    if (nowMs >= this.#nextProbeMs) this.#probeEndMs = nowMs + Math.max(PROBE_LONGEST_MS, 5 * this.unqueuedMs)
  }

  #learn (meanMs: number, nowMs: number): void {
    if (this.unqueuedMs === 0) this.#nextProbeMs = nowMs + FIRST_PROBE_MS
    if (this.unqueuedMs === 0 || meanMs < this.unqueuedMs) this.unqueuedMs = meanMs
    if (this.#mostActive > this.options.minLimit) return
    this.unqueuedMs += (meanMs - this.unqueuedMs) / 2
    this.#endProbe(nowMs)
  }

  #endProbe (nowMs: number): void {
    this.#probeEndMs = Number.POSITIVE_INFINITY
    this.#nextProbeMs = nowMs + PROBE_EVERY_MS
  }

  #set (limit: number): void {
    this.#limit = Math.max(this.options.minLimit, Math.min(this.options.maxLimit, limit))
  }
}
