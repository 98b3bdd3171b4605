/**
 * A breaker: closed it is two integer operations per call, and opossum holds the state and tells of its changes.
 *
 * opossum alone has four holes, each closed here and tested: a probe that never settles rejects for ever (probes have
 * a deadline); a slow call from before the opening closes a half-open breaker (a token carries the epoch of its
 * state and is ignored in another); rejected calls dilute the failure rate (only completed calls are counted); a full
 * bulkhead opens it (`ignore`). The window is empty after every change of state, as Resilience4j's.
 */
import CircuitBreaker from 'opossum'
import { EventEmitter } from 'node:events'
import type { FailureKind } from '../exchange.ts'
import type { BreakerSettings } from './breaker-settings.ts'
import { countWindow, timeWindow, type BreakerWindow } from '@breakwater/starter/breaker-window'
import { RollingStatistics } from './rolling-statistics.ts'
import type { Breaker } from './upstream.ts'

export type BreakerState = 'CLOSED' | 'OPEN' | 'HALF_OPEN'

/** Told of every change of state. */
export type BreakerListener = (breaker: OpossumBreaker, state: BreakerState) => void

const REFUSED = -1

export class OpossumBreaker implements Breaker {
  readonly name: string
  readonly settings: BreakerSettings
  readonly statistics: RollingStatistics
  state: BreakerState = 'CLOSED'
  readonly #circuit: CircuitBreaker
  readonly #window: BreakerWindow
  readonly #probes: BreakerWindow
  readonly #now: () => number
  readonly #listener: BreakerListener
  #epoch = 0
  #permits = 0
  #halfOpenUntilMs = 0
  #restarting = false

  constructor (name: string, settings: BreakerSettings, now: () => number, listener: BreakerListener) {
    this.name = name
    this.settings = settings
    this.statistics = new RollingStatistics()
    this.#now = now
    this.#listener = listener
    const size = settings.slidingWindowSize
    this.#window = settings.slidingWindowType === 'TIME_BASED' ? timeWindow(size) : countWindow(size)
    this.#probes = countWindow(settings.permittedNumberOfCallsInHalfOpenState)
    this.#circuit = stateMachine(name, settings.waitDurationInOpenStateMs)
    this.#circuit.on('open', () => this.#become('OPEN'))
    this.#circuit.on('halfOpen', () => this.tryNow())
    this.#circuit.on('close', () => { if (!this.#restarting) this.#become('CLOSED') })
  }

  enter (nowMs: number): number {
    if (this.state === 'CLOSED') return this.#epoch
    if (this.state === 'HALF_OPEN') {
      if (this.#permits > 0) {
        this.#permits--
        return this.#epoch
      }
      // Probes that never came back must not keep the breaker between the states for ever.
      if (nowMs >= this.#halfOpenUntilMs) this.#trip()
    }
    this.statistics.count('shortCircuited', nowMs)
    return REFUSED
  }

  success (token: number, elapsedMs: number, nowMs: number): void {
    this.statistics.completed('success', elapsedMs, nowMs)
    this.#completed(token, false, elapsedMs, nowMs)
  }

  failure (token: number, elapsedMs: number, nowMs: number, kind?: FailureKind): void {
    this.statistics.completed(kind === 'timeout' ? 'timeout' : 'failure', elapsedMs, nowMs)
    if (kind !== undefined && this.settings.ignoreFailures.includes(kind)) return this.ignore(token)
    const recorded = this.settings.recordFailures
    const counts = kind === undefined || recorded === null || recorded.includes(kind)
    this.#completed(token, counts, elapsedMs, nowMs)
  }

  ignore (token: number): void {
    if (token === this.#epoch && this.state === 'HALF_OPEN') this.#permits++
  }

  /** Half-open before the wait is over, because the instances behind it came back; nothing when closed. */
  tryNow (): void {
    if (this.state !== 'OPEN') return
    this.#permits = this.settings.permittedNumberOfCallsInHalfOpenState
    const { maxWaitDurationInHalfOpenStateMs: wait, waitDurationInOpenStateMs } = this.settings
    this.#halfOpenUntilMs = this.#now() + (wait > 0 ? wait : waitDurationInOpenStateMs)
    this.#become('HALF_OPEN')
  }

  /** Another event loop's breaker of this name has opened: a service that fails there is not asked here. */
  openAlso (): void {
    if (this.state === 'CLOSED') this.#trip()
  }

  /** By hand, for operators. */
  force (state: 'OPEN' | 'CLOSED'): void {
    if (state === 'OPEN') this.#trip()
    else this.#close()
  }

  /** Percent of the window's completed calls, or -1 while there are too few to judge. */
  get failureRate (): number {
    const { calls, failures } = this.#window.totals
    return calls < this.#needed() ? -1 : failures * 100 / calls
  }

  get totals (): Readonly<{ calls: number, failures: number, slow: number }> {
    return this.#window.totals
  }

  /** Ends its timer. */
  stop (): void {
    this.#circuit.shutdown()
  }

  #completed (token: number, failed: boolean, elapsedMs: number, nowMs: number): void {
    if (token !== this.#epoch) return
    const slow = elapsedMs > this.settings.slowCallDurationThresholdMs
    if (this.state === 'CLOSED') {
      this.#window.add(failed, slow, nowMs)
      if ((failed || slow) && this.#window.totals.calls >= this.#needed() && this.#isBad(this.#window)) this.#trip()
    } else if (this.state === 'HALF_OPEN') {
      this.#probes.add(failed, slow, nowMs)
      if (this.#probes.totals.calls < this.settings.permittedNumberOfCallsInHalfOpenState) return
      if (this.#isBad(this.#probes)) this.#trip()
      else this.#close()
    }
  }

  #needed (): number {
    const { slidingWindowType, slidingWindowSize, minimumNumberOfCalls } = this.settings
    return slidingWindowType === 'COUNT_BASED' ? Math.min(minimumNumberOfCalls, slidingWindowSize) : minimumNumberOfCalls
  }

  #isBad ({ totals }: BreakerWindow): boolean {
    return totals.failures * 100 >= this.settings.failureRateThreshold * totals.calls ||
      totals.slow * 100 >= this.settings.slowCallRateThreshold * totals.calls
  }

  /** opossum only leaves open by its own timer: close first, so that its open() starts the wait anew. */
  #trip (): void {
    if (this.#circuit.opened) {
      this.#restarting = true
      this.#circuit.close()
      this.#restarting = false
    }
    this.#circuit.open()
  }

  #close (): void {
    if (this.#circuit.closed) this.#become('CLOSED')
    else this.#circuit.close()
  }

  #become (state: BreakerState): void {
    if (state === this.state) return
    this.state = state
    this.#epoch = (this.#epoch + 1) % Number.MAX_SAFE_INTEGER
    this.#window.clear()
    this.#probes.clear()
    this.#listener(this, state)
  }
}

/** opossum with everything off that costs per call or per tick: we only use its states, timer and events. */
function stateMachine (name: string, resetTimeout: number): CircuitBreaker {
  return new CircuitBreaker(() => Promise.resolve(), {
    name,
    resetTimeout,
    timeout: false,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
    rotateBucketController: new EventEmitter()
  })
}
