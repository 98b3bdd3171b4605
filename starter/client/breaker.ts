/**
 * A circuit breaker per called service. opossum is the state machine and the source of events (closed, open,
 * half-open, its timer); outcomes are counted here, over completed calls only, because opossum's own counting
 * dilutes failures with refused calls, takes one slow success from before the opening for a proof of health, and can
 * wait for ever for a probe.
 */
import { EventEmitter } from 'node:events'
import CircuitBreaker from 'opossum'
import { countWindow, timeWindow } from './breaker-window.ts'
import type { BreakerWindow, WindowTotals } from './breaker-window.ts'
import type { BreakerOptions } from './options.ts'

export type BreakerState = 'closed' | 'open' | 'half_open'

/** Hand back what `enter` gave exactly once, by success, failure or ignore. */
export class Breaker {
  readonly name: string
  /** Calls refused since the start. */
  refused = 0
  readonly #options: BreakerOptions
  readonly #circuit: CircuitBreaker
  readonly #calls: BreakerWindow
  readonly #probes: BreakerWindow
  /** Changes with every state: results of calls that began in an earlier one say nothing about this one. */
  #epoch = 0
  #probesLeft = 0
  #openedAtMs = 0
  #why = ''

  constructor (name: string, options: BreakerOptions, onChange: (state: BreakerState, why: string) => void = () => {}) {
    this.name = name
    this.#options = options
    this.#calls = (options.windowType === 'TIME_BASED' ? timeWindow : countWindow)(options.windowSize)
    this.#probes = countWindow(options.probes)
    this.#circuit = new CircuitBreaker(async () => {}, {
      name,
      timeout: false,
      resetTimeout: options.openMs,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      // Its own buckets are not used: without this emitter it would run a timer to rotate them.
      rotateBucketController: new EventEmitter()
    })
    const changed = (): void => {
      this.#reset()
      onChange(this.state, this.#why)
    }
    this.#circuit.on('open', changed).on('halfOpen', changed).on('close', changed)
  }

  get state (): BreakerState {
    if (this.#circuit.closed) return 'closed'
    return this.#circuit.halfOpen ? 'half_open' : 'open'
  }

  /** What opened it last: `10 of 20 calls failed`. */
  get why (): string {
    return this.#why
  }

  /** A token to hand back, or -1 when the call is refused. */
  enter (): number {
    if (this.#circuit.closed) return this.#epoch
    if (this.#circuit.halfOpen && this.#probesLeft > 0) {
      this.#probesLeft--
      return this.#epoch
    }
    this.refused++
    return -1
  }

  success (token: number, elapsedMs: number, nowMs: number): void {
    this.#record(token, false, elapsedMs, nowMs)
  }

  failure (token: number, elapsedMs: number, nowMs: number): void {
    this.#record(token, true, elapsedMs, nowMs)
  }

  /** The call told nothing about the service (the caller gave up): frees a probe without counting. */
  ignore (token: number): void {
    if (token === this.#epoch && this.#circuit.halfOpen) this.#probesLeft++
  }

  /** Until calls are let through again; 0 when they may be. */
  retryInMs (nowMs: number): number {
    return this.#circuit.opened ? Math.max(0, Math.ceil(this.#openedAtMs + this.#options.openMs - nowMs)) : 0
  }

  /** Ends its timer. */
  stop (): void {
    this.#circuit.shutdown()
  }

  #record (token: number, failed: boolean, elapsedMs: number, nowMs: number): void {
    if (token !== this.#epoch) return
    const window = this.#circuit.halfOpen ? this.#probes : this.#calls
    window.add(failed, elapsedMs >= this.#options.slowCallMs, nowMs)
    this.#judge(window.totals, nowMs)
  }

  /** As Resilience4j: rates of completed calls, reached means open; probes are judged when all have ended. */
  #judge ({ calls, failures, slow }: WindowTotals, nowMs: number): void {
    const { probes, failureRate, slowCallRate } = this.#options
    const probing = this.#circuit.halfOpen
    if (calls < (probing ? probes : this.#minimumCalls())) return
    const tooManyFailed = failures * 100 >= failureRate * calls && failures > 0
    const tooManySlow = slow * 100 >= slowCallRate * calls && slow > 0
    if (tooManyFailed) this.#open(`${failures} of ${calls} calls failed`, nowMs)
    else if (tooManySlow) this.#open(`${slow} of ${calls} calls were slow`, nowMs)
    else if (probing) this.#circuit.close()
  }

  /** A window of ten calls never holds twenty. */
  #minimumCalls (): number {
    const { windowType, windowSize, minimumCalls } = this.#options
    return windowType === 'TIME_BASED' ? minimumCalls : Math.min(minimumCalls, windowSize)
  }

  #open (why: string, nowMs: number): void {
    this.#why = why
    this.#openedAtMs = nowMs
    this.#circuit.open()
  }

  /** Every state begins with an empty window: opossum keeps the old one when it closes, and opens again at once. */
  #reset (): void {
    this.#epoch++
    this.#calls.clear()
    this.#probes.clear()
    this.#probesLeft = this.#circuit.halfOpen ? this.#options.probes : 0
  }
}
