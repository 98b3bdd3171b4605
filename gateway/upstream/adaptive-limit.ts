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
 *
 * What is counted and found out lies in cells that all event loops share, in whole units: whoever ends a window, by
 * compare-exchange of its end, judges it.
 */
import { LoopCounter } from '../shared/loop-counter.ts'
import type { LoopPlace } from '../shared/shared-cells.ts'
import { hasCome, wrapped } from '../shared/wrapped-time.ts'
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

/** Cells; what is in flight comes behind them. */
const [LIMIT, UNQUEUED, WINDOW_END, SAMPLES, ANSWERS, SUM, MOST_ACTIVE, NEXT_PROBE, PROBE_END, IS_PROBING, FLIGHT] =
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const
/** Of a call, and of a millisecond of the time without a queue. */
const FINE = 1_000
/** Of a millisecond, where the times of a window are added up. */
const COARSE = 10
/** One call that took longer is as long as this: the sum of thousands must fit into a cell. */
const LONGEST_MS = 60_000

export class AdaptiveLimit implements Bulkhead {
  readonly kind = 'adaptive'
  /** By this event loop. */
  refused = 0
  onRefused: () => void = () => {}
  options: AdaptiveLimitOptions
  readonly #cells: Int32Array
  readonly #flight: LoopCounter

  constructor (options: AdaptiveLimitOptions, buffer: SharedArrayBuffer, place: LoopPlace) {
    this.options = options
    this.#cells = new Int32Array(buffer)
    this.#flight = new LoopCounter(this.#cells.subarray(FLIGHT), place)
  }

  static make ({ initialLimit }: AdaptiveLimitOptions, place: LoopPlace): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(4 * (FLIGHT + LoopCounter.size(place)))
    new Int32Array(buffer)[LIMIT] = initialLimit * FINE
    return buffer
  }

  get limit (): number {
    return Math.floor(this.#get(LIMIT) / FINE)
  }

  /** In flight now, over all event loops. */
  get active (): number {
    return this.#flight.total
  }

  /** What answers take without a queue; 0 = not known yet. */
  get unqueuedMs (): number {
    return this.#get(UNQUEUED) / FINE
  }

  enter (nowMs: number): boolean {
    if (this.#isProbing && hasCome(this.#get(PROBE_END), nowMs)) this.#endProbe(nowMs)
    if (!this.#flight.enter(this.#isProbing ? this.options.minLimit : this.limit)) {
      this.refused++
      this.onRefused()
      return false
    }
    const { active } = this
    if (active > this.#get(MOST_ACTIVE)) this.#set(MOST_ACTIVE, active)
    return true
  }

  leave (): void {
    this.#flight.leave()
  }

  /** The event loop at that place has ended. */
  giveBack (index: number): void {
    this.#flight.giveBack(index)
  }

  observe (elapsedMs: number, dropped: boolean, nowMs: number): void {
    if (!dropped) {
      Atomics.add(this.#cells, SUM, Math.round(Math.min(elapsedMs, LONGEST_MS) * COARSE))
      Atomics.add(this.#cells, ANSWERS, 1)
    }
    const samples = Atomics.add(this.#cells, SAMPLES, 1) + 1
    const end = this.#get(WINDOW_END)
    if (samples < WINDOW_SAMPLES || (end !== 0 && !hasCome(end, nowMs))) return
    const next = wrapped(nowMs + WINDOW_MS) || 1
    if (Atomics.compareExchange(this.#cells, WINDOW_END, end, next) === end) this.#endWindow(nowMs)
  }

  #endWindow (nowMs: number): void {
    const samples = Atomics.exchange(this.#cells, SAMPLES, 0)
    const answers = Atomics.exchange(this.#cells, ANSWERS, 0)
    const sumMs = (Atomics.exchange(this.#cells, SUM, 0) >>> 0) / COARSE
    if (answers < samples) this.#limitTo(this.#get(LIMIT) / FINE * BACKOFF)
    else this.#judge(Math.max(0.1, sumMs / answers), nowMs)
    this.#set(MOST_ACTIVE, this.active)
  }

  /** A window of answers that took `meanMs`. */
  #judge (meanMs: number, nowMs: number): void {
    this.#learn(meanMs, nowMs)
    const limit = this.#get(LIMIT) / FINE
    // A limit that nobody comes near says nothing about what the upstream bears.
    if (this.#isProbing || this.#get(MOST_ACTIVE) < limit / 2) return
    const gradient = Math.max(LEAST_GRADIENT, Math.min(1, this.options.tolerance * this.unqueuedMs / meanMs))
    const wanted = limit * gradient + Math.sqrt(limit)
    this.#limitTo(limit * (1 - SMOOTHING) + wanted * SMOOTHING)
    if (hasCome(this.#get(NEXT_PROBE), nowMs)) this.#beginProbe(nowMs)
  }

  #learn (meanMs: number, nowMs: number): void {
    const { unqueuedMs } = this
    if (unqueuedMs === 0) this.#set(NEXT_PROBE, wrapped(nowMs + FIRST_PROBE_MS))
    const known = unqueuedMs === 0 ? meanMs : Math.min(meanMs, unqueuedMs)
    const idle = this.#get(MOST_ACTIVE) <= this.options.minLimit
    this.#set(UNQUEUED, Math.max(1, Math.round((idle ? known + (meanMs - known) / 2 : known) * FINE)))
    if (idle) this.#endProbe(nowMs)
  }

  get #isProbing (): boolean {
    return this.#get(IS_PROBING) === 1
  }

  #beginProbe (nowMs: number): void {
    this.#set(PROBE_END, wrapped(nowMs + Math.max(PROBE_LONGEST_MS, 5 * this.unqueuedMs)))
    this.#set(IS_PROBING, 1)
  }

  #endProbe (nowMs: number): void {
    this.#set(IS_PROBING, 0)
    this.#set(NEXT_PROBE, wrapped(nowMs + PROBE_EVERY_MS))
  }

  #limitTo (limit: number): void {
    const within = Math.max(this.options.minLimit, Math.min(this.options.maxLimit, limit))
    this.#set(LIMIT, Math.round(within * FINE))
  }

  #get (at: number): number {
    return Atomics.load(this.#cells, at)
  }

  #set (at: number, value: number): void {
    Atomics.store(this.#cells, at, value)
  }
}
