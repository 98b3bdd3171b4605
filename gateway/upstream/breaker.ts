/**
 * A breaker: one for all event loops (`breaker-cells.ts`). Closed it is a few integer operations per call; opossum
 * serves the loop that changed its state: it waits, and tells of the change.
 *
 * opossum alone has four holes, each closed here and tested: a probe that never settles rejects for ever (probes have
 * a deadline); a slow call from before the opening closes a half-open breaker (a token carries the epoch of its
 * state and is ignored in another); rejected calls dilute the failure rate (only completed calls are counted); a full
 * bulkhead opens it (`ignore`). The window is empty after every change of state, as Resilience4j's.
 */
import CircuitBreaker from 'opossum'
import { EventEmitter } from 'node:events'
import type { FailureKind } from '../exchange.ts'
import type { LoopPlace } from '../shared/shared-cells.ts'
import { BreakerCells, epochOf, stateOf, type BreakerState } from './breaker-cells.ts'
import type { BreakerSettings } from './breaker-settings.ts'
import { RollingStatistics } from './rolling-statistics.ts'
import type { WindowTotals } from './shared-windows.ts'
import type { Breaker } from './upstream.ts'

/** Told of every change of state, in the loop that changed it. */
export type BreakerListener = (breaker: OpossumBreaker, state: BreakerState) => void

const REFUSED = -1

export class OpossumBreaker implements Breaker {
  readonly name: string
  readonly settings: BreakerSettings
  /** Of this event loop; those of all are added up where they are shown. */
  readonly statistics: RollingStatistics
  readonly #cells: BreakerCells
  readonly #circuit: CircuitBreaker
  readonly #now: () => number
  readonly #listener: BreakerListener
  /** Which opening opossum's timer is about. */
  #openedEpoch = -1
  #restarting = false

  constructor (name: string, settings: BreakerSettings, buffer: SharedArrayBuffer, place: LoopPlace,
    now: () => number, listener: BreakerListener) {
    this.name = name
    this.settings = settings
    this.statistics = new RollingStatistics()
    this.#cells = new BreakerCells(buffer, settings, place)
    this.#now = now
    this.#listener = listener
    this.#circuit = stateMachine(name, settings.waitDurationInOpenStateMs)
    this.#circuit.on('open', () => listener(this, 'OPEN'))
    this.#circuit.on('halfOpen', () => this.#waited())
    this.#circuit.on('close', () => { if (!this.#restarting) listener(this, 'CLOSED') })
  }

  get state (): BreakerState {
    return stateOf(this.#cells.word)
  }

  enter (nowMs: number): number {
    const { word } = this.#cells
    const state = stateOf(word)
    if (state === 'CLOSED') return epochOf(word)
    const bank = this.#cells.bank(word)
    if (state === 'HALF_OPEN' && bank.permits.enter(this.settings.permittedNumberOfCallsInHalfOpenState)) return epochOf(word)
    if (bank.isOver(nowMs)) {
      // Probes that never came back must not keep the breaker between the states for ever.
      if (state === 'HALF_OPEN') this.#move(word, 'OPEN')
      // The loop whose timer would have done it is no more, or busy.
      else if (this.#move(word, 'HALF_OPEN')) return this.enter(nowMs)
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
    const { word } = this.#cells
    if (token === epochOf(word) && stateOf(word) === 'HALF_OPEN') this.#cells.bank(word).permits.leave()
  }

  /** Half-open before the wait is over, because the instances behind it came back; nothing when closed. */
  tryNow (): void {
    const { word } = this.#cells
    if (stateOf(word) === 'OPEN') this.#move(word, 'HALF_OPEN')
  }

  /** By hand, for operators; every event loop is told, and the first one does it. */
  force (state: 'OPEN' | 'CLOSED'): void {
    const { word } = this.#cells
    if (stateOf(word) !== state) this.#move(word, state)
  }

  /** The event loop at that place has ended: its probes will not come back. */
  giveBack (index: number): void {
    const { word } = this.#cells
    if (stateOf(word) === 'HALF_OPEN') this.#cells.bank(word).permits.giveBack(index)
  }

  /** Percent of the window's completed calls, or -1 while there are too few to judge. */
  get failureRate (): number {
    const { calls, failures } = this.totals
    return calls < this.#needed() ? -1 : failures * 100 / calls
  }

  get totals (): WindowTotals {
    return this.#cells.bank(this.#cells.word).window.totals(this.#now())
  }

  /** Ends its timer. */
  stop (): void {
    this.#circuit.shutdown()
  }

  #completed (token: number, failed: boolean, elapsedMs: number, nowMs: number): void {
    const { word } = this.#cells
    const state = stateOf(word)
    if (token !== epochOf(word) || state === 'OPEN') return
    const slow = elapsedMs > this.settings.slowCallDurationThresholdMs
    const { window, probes, permits } = this.#cells.bank(word)
    if (state === 'HALF_OPEN') {
      permits.keep()
      probes.add(failed, slow)
      const { totals } = probes
      if (totals.calls < this.settings.permittedNumberOfCallsInHalfOpenState) return
      this.#move(word, this.#isBad(totals) ? 'OPEN' : 'CLOSED')
      return
    }
    window.add(failed, slow, nowMs)
    if (!failed && !slow) return
    const totals = window.totals(nowMs)
    if (totals.calls >= this.#needed() && this.#isBad(totals)) this.#move(word, 'OPEN')
  }

  #needed (): number {
    const { slidingWindowType, slidingWindowSize, minimumNumberOfCalls } = this.settings
    return slidingWindowType === 'COUNT_BASED' ? Math.min(minimumNumberOfCalls, slidingWindowSize) : minimumNumberOfCalls
  }

  #isBad (totals: WindowTotals): boolean {
    return totals.failures * 100 >= this.settings.failureRateThreshold * totals.calls ||
      totals.slow * 100 >= this.settings.slowCallRateThreshold * totals.calls
  }

  /** opossum's wait is over: for the opening it began with, unless another loop has gone on since. */
  #waited (): void {
    const { word } = this.#cells
    if (stateOf(word) === 'OPEN' && epochOf(word) === this.#openedEpoch) this.#move(word, 'HALF_OPEN')
  }

  /** False when another loop was faster. */
  #move (from: number, to: BreakerState): boolean {
    const { maxWaitDurationInHalfOpenStateMs: halfOpenMs, waitDurationInOpenStateMs: openMs } = this.settings
    const lastsMs = to === 'HALF_OPEN' && halfOpenMs > 0 ? halfOpenMs : openMs
    const moved = this.#cells.move(from, to, this.#now(), lastsMs)
    if (moved === undefined) return false
    if (to === 'OPEN') this.#open(epochOf(moved))
    else if (to === 'CLOSED' && !this.#circuit.closed) this.#circuit.close()
    else this.#listener(this, to)
    return true
  }

  /** opossum only leaves open by its own timer: close first, so that its open() starts the wait anew. */
  #open (epoch: number): void {
    this.#openedEpoch = epoch
    if (!this.#circuit.closed) {
      this.#restarting = true
      this.#circuit.close()
      this.#restarting = false
    }
    this.#circuit.open()
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
