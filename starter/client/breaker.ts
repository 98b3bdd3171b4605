/**
 * A circuit breaker per called service. opossum is the state machine and the source of events (closed, open,
 * half-open, its timer); outcomes are counted here, over completed calls only, because opossum's own counting
 * dilutes failures with refused calls, takes one slow success from before the opening for a proof of health, and can
 * wait for ever for a probe.
 */
import { EventEmitter } from 'node:events'
import CircuitBreaker from 'opossum'
import type { BreakerOptions } from './options.ts'

export type BreakerState = 'closed' | 'open' | 'half_open'

const SUCCESS = 1
const FAILURE = 2
const SLOW = 4

/** Hand back what `enter` gave exactly once, by success, failure or ignore. */
export class Breaker {
  readonly name: string
  /** Calls refused since the start. */
  refused = 0
  readonly #options: BreakerOptions
  readonly #circuit: CircuitBreaker
  readonly #results: Uint8Array
  /** Changes with every state: results of calls that began in an earlier one say nothing about this one. */
  #epoch = 0
  #next = 0
  #completed = 0
  #failures = 0
  #slow = 0
  #probesLeft = 0
  #openedAtMs = 0
  #why = ''

  constructor (name: string, options: BreakerOptions, onChange: (state: BreakerState, why: string) => void = () => {}) {
    this.name = name
    this.#options = options
    this.#results = new Uint8Array(Math.max(options.windowSize, options.probes))
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

  /** What opened it last: `50 % of 20 calls failed`. */
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
    this.#record(token, SUCCESS, elapsedMs, nowMs)
  }

  failure (token: number, elapsedMs: number, nowMs: number): void {
    this.#record(token, FAILURE, elapsedMs, nowMs)
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

  #record (token: number, outcome: number, elapsedMs: number, nowMs: number): void {
    if (token !== this.#epoch) return
    const result = outcome | (elapsedMs >= this.#options.slowCallMs ? SLOW : 0)
    const size = this.#circuit.halfOpen ? this.#options.probes : this.#options.windowSize
    const forgotten = this.#results[this.#next] ?? 0
    this.#results[this.#next] = result
    this.#next = (this.#next + 1) % size
    this.#completed = Math.min(this.#completed + 1, size)
    this.#failures += failed(result) - failed(forgotten)
    this.#slow += slow(result) - slow(forgotten)
    this.#judge(nowMs)
  }

  /** As Resilience4j: rates of completed calls, reached means open; probes are judged when all have ended. */
  #judge (nowMs: number): void {
    const { minimumCalls, probes, failureRate, slowCallRate, windowSize } = this.#options
    const probing = this.#circuit.halfOpen
    if (this.#completed < (probing ? probes : Math.min(minimumCalls, windowSize))) return
    const tooManyFailed = this.#failures * 100 >= failureRate * this.#completed && this.#failures > 0
    const tooManySlow = this.#slow * 100 >= slowCallRate * this.#completed && this.#slow > 0
    if (tooManyFailed) this.#open(this.#failures, 'failed', nowMs)
    else if (tooManySlow) this.#open(this.#slow, 'were slow', nowMs)
    else if (probing) this.#circuit.close()
  }

  #open (count: number, how: string, nowMs: number): void {
    this.#why = `${count} of ${this.#completed} calls ${how}`
    this.#openedAtMs = nowMs
    this.#circuit.open()
  }

  /** Every state begins with an empty window: opossum keeps the old one when it closes, and opens again at once. */
  #reset (): void {
    this.#epoch++
    this.#results.fill(0)
    this.#next = 0
    this.#completed = 0
    this.#failures = 0
    this.#slow = 0
    this.#probesLeft = this.#circuit.halfOpen ? this.#options.probes : 0
  }
}

function failed (result: number): number {
  return (result & FAILURE) === 0 ? 0 : 1
}

function slow (result: number): number {
  return (result & SLOW) === 0 ? 0 : 1
}
