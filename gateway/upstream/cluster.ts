/**
 * The instances of one service: who is next, and who is left out.
 *
 * Outlives route tables: a swap of routes keeps every counter, connection and ejection. One per service and worker.
 */
import type { ServiceInstance } from '@breakwater/starter/discovery'
import type { Exchange } from '../exchange.ts'
import { InstanceState, type EjectionReason } from './instance-state.ts'
import { ejectable, standingOut, type OutlierOptions } from './outlier.ts'
import { narrowed, pickOfTwo, type BalancerOptions } from './picking.ts'
import type { RetryBudget } from './retry-budget.ts'
import type { Cluster, TryOutcome } from './upstream.ts'

export interface ClusterEvents {
  /** An instance was left out; `connect` ones are to be probed. `told`: because another event loop did so. */
  ejected (cluster: ClusterState, instance: InstanceState, reason: EjectionReason, told: boolean): void
  /** Fresh hope: an instance came back or is new. Open breakers in front of it may try. */
  recovered (cluster: ClusterState): void
}

export interface ClusterOptions {
  readonly outlier: OutlierOptions
  readonly balancer: BalancerOptions
  /** `metadata.http2` of the routes that lead here, for checks; undefined: none says anything. */
  readonly http2?: boolean | undefined
}

export class ClusterState implements Cluster {
  readonly name: string
  readonly budget: RetryBudget
  instances: readonly InstanceState[] = []
  options: ClusterOptions
  #eligible: readonly InstanceState[] = []
  /** When the eligible ones must be worked out again because an ejection ends. */
  #staleAtMs = Number.POSITIVE_INFINITY
  #intervalEndMs = 0
  readonly #now: () => number
  readonly #random: () => number
  readonly #events: ClusterEvents

  constructor (name: string, options: ClusterOptions, budget: RetryBudget, now: () => number, random: () => number,
    events: ClusterEvents) {
    this.name = name
    this.options = options
    this.budget = budget
    this.#now = now
    this.#random = random
    this.#events = events
  }

  /** Takes the registry's list: what is still there keeps its counters, what is new starts small. */
  update (sources: readonly ServiceInstance[]): void {
    const known = new Map(this.instances.map(one => [one.id, one]))
    const first = this.instances.length === 0
    const nowMs = this.#now()
    let fresh = false
    this.instances = sources.filter(source => source.status === 'UP').map(source => {
      const old = known.get(source.instanceId)
      if (old?.sameAs(source) === true) return old
      fresh = true
      const instance = new InstanceState(source)
      if (!first) instance.rampFromMs = nowMs
      return instance
    })
    this.refresh(nowMs)
    if (fresh) this.#events.recovered(this)
  }

  /** An untried one of the eligible; a tried one only when there is no other, undefined when there is none at all. */
  pick (x: Exchange): InstanceState | undefined {
    const nowMs = this.#now()
    if (x.tried.length === 0) this.budget.request(nowMs)
    if (nowMs >= this.#staleAtMs) this.refresh(nowMs)
    let candidates = this.#eligible
    if (x.tried.length > 0) candidates = this.#untried(candidates, x)
    if (this.options.balancer.perRequest) candidates = narrowed(candidates, x, this.options.balancer)
    return pickOfTwo(candidates, nowMs, this.options.outlier.slowStartMs, this.#random)
  }

  report (instance: InstanceState, failure: TryOutcome, _elapsedMs: number, nowMs: number): void {
    if (nowMs >= this.#intervalEndMs) this.#judge(nowMs)
    if (failure === undefined) this.#succeeded(instance, nowMs)
    else this.#failed(instance, failure, nowMs)
  }

  /** Brings an instance back before its time: a probe or a health check found it well. */
  restore (instance: InstanceState, nowMs: number): void {
    if (instance.ejection === undefined) return
    instance.ejection = undefined
    instance.ejectedUntilMs = 0
    instance.consecutiveFailures = 0
    instance.rampFromMs = nowMs
    this.refresh(nowMs)
    this.#events.recovered(this)
  }

  eject (instance: InstanceState, reason: EjectionReason, nowMs: number): void {
    this.#leaveOut(instance, reason, nowMs)
    this.#events.ejected(this, instance, reason, false)
  }

  /** Another event loop has left the instance out: so does this one, within the same bounds, and tells nobody. */
  ejectAlso (id: string, reason: EjectionReason, nowMs: number): void {
    const instance = this.instances.find(one => one.id === id)
    if (instance === undefined || instance.ejection !== undefined) return
    if (reason !== 'connect' && !this.#mayEject()) return
    this.#leaveOut(instance, reason, nowMs)
    this.#events.ejected(this, instance, reason, true)
  }

  #leaveOut (instance: InstanceState, reason: EjectionReason, nowMs: number): void {
    const { baseEjectionMs, maxEjectionMs } = this.options.outlier
    if (nowMs - instance.ejectedUntilMs > maxEjectionMs) instance.ejections = 0
    instance.ejections++
    instance.ejection = reason
    // Only a check that succeeds ends what a check began.
    instance.ejectedUntilMs = reason === 'health-check'
      ? Number.POSITIVE_INFINITY
      : nowMs + Math.min(maxEjectionMs, baseEjectionMs * instance.ejections)
    instance.consecutiveFailures = 0
    this.refresh(nowMs)
  }

  /** Works out who may be picked. A refused connection keeps out even in panic, unless nobody else is left. */
  refresh (nowMs: number): void {
    this.#staleAtMs = Number.POSITIVE_INFINITY
    for (const one of this.instances) this.#expire(one, nowMs)
    const { panicThresholdPercent } = this.options.outlier
    const healthy = this.instances.filter(one => one.ejection === undefined)
    const panic = healthy.length * 100 < this.instances.length * panicThresholdPercent
    const reachable = panic ? this.instances.filter(one => one.ejection !== 'connect') : healthy
    this.#eligible = reachable.length > 0 ? reachable : this.instances
  }

  /** For explain and metrics. */
  get eligible (): readonly InstanceState[] {
    return this.#eligible
  }

  #expire (one: InstanceState, nowMs: number): void {
    if (one.ejection === undefined) return
    if (nowMs < one.ejectedUntilMs) this.#staleAtMs = Math.min(this.#staleAtMs, one.ejectedUntilMs)
    else {
      one.ejection = undefined
      one.rampFromMs = nowMs
    }
  }

  #untried (candidates: readonly InstanceState[], x: Exchange): readonly InstanceState[] {
    const left = candidates.filter(one => !x.tried.includes(one))
    return left.length > 0 ? left : candidates
  }

  #succeeded (instance: InstanceState, nowMs: number): void {
    instance.successes++
    instance.consecutiveFailures = 0
    if (instance.ejection === 'connect') this.restore(instance, nowMs)
  }

  #failed (instance: InstanceState, failure: NonNullable<TryOutcome>, nowMs: number): void {
    instance.failures++
    // With hedges sent early all instances lose now and then; only who loses far more often than the others is ill.
    if (failure !== 'overtaken') instance.consecutiveFailures++
    if (instance.ejection !== undefined) return
    const { consecutiveErrors } = this.options.outlier
    if (failure === 'connect') this.eject(instance, 'connect', nowMs)
    else if (consecutiveErrors > 0 && instance.consecutiveFailures >= consecutiveErrors && this.#mayEject()) {
      this.eject(instance, 'consecutive-errors', nowMs)
    } else if (this.#standsOut(instance) && this.#mayEject()) {
      // An answer that is cut short after its head counts as one success and one failure: never five in a row.
      this.eject(instance, 'failure-rate', nowMs)
    }
  }

  #mayEject (): boolean {
    const out = this.instances.filter(one => one.ejection !== undefined).length
    return out < ejectable(this.instances.length, this.options.outlier)
  }

  #standsOut (instance: InstanceState): boolean {
    return standingOut(this.instances.filter(one => one.ejection === undefined),
      this.options.outlier).includes(instance)
  }

  #judge (nowMs: number): void {
    this.#intervalEndMs = nowMs + this.options.outlier.intervalMs
    const bad = standingOut(this.instances.filter(one => one.ejection === undefined), this.options.outlier)
    for (const one of this.instances) one.successes = one.failures = 0
    for (const one of bad) if (this.#mayEject()) this.eject(one, 'failure-rate', nowMs)
  }
}
