import { isLiving, mergeFacts, type Facts, type LivingFacts } from './facts.ts'
import { instanceKey } from './instance.ts'
import type { Lease } from './lease.ts'
import type { Ledger } from './ledger.ts'
import type { BookRules } from './rules.ts'
import { isLater, type Stamp } from './stamp.ts'
import type { InstanceState } from './state.ts'

/** How old what is taken over is. */
type Age = Pick<InstanceState, 'ageMs' | 'silentMs' | 'upAt'>

/**
 * What a registry knows as others know it, too: copies that peers and snapshots hold, given out whole and taken over
 * so that none makes anything younger than it is, or undoes what is known better here.
 */
export class Copies {
  readonly #ledger: Ledger
  readonly #rules: BookRules
  readonly #startedAt: number
  /** Unconfirmed ones that went, with the stamp of their registration; no more than a snapshot holds. */
  readonly #doubted = new Map<string, Stamp>()

  constructor (ledger: Ledger, rules: BookRules) {
    this.#ledger = ledger
    this.#rules = rules
    this.#startedAt = rules.now()
  }

  /** All that would be lost with this process: what a back end vouches for comes from there again. */
  states (): InstanceState[] {
    const { shelf, buried } = this.#ledger
    const living = [...shelf.leases()].map(({ instance: { app, id } }) => this.stateOf(app, id))
    return [...living, ...buried.states()].filter(state => state !== undefined)
  }

  /** All that is known of an instance, for a peer; undefined when it is nothing. */
  stateOf (app: string, id: string): InstanceState | undefined {
    const lease = this.#ledger.lease(app, id)
    const facts = lease?.facts ?? this.#ledger.buried.get(instanceKey(app, id))
    if (facts === undefined || lease?.durationMs === Infinity) return undefined
    if (lease === undefined) return { app, id, facts, ageMs: 0 }
    const now = this.#rules.now()
    const silentMs = lease.unverified ? now - lease.heardAt : undefined
    return { app, id, facts, ageMs: now - lease.renewedAt, silentMs, upAt: lease.instance.lease.serviceUpAt }
  }

  /**
   * Puts what a peer knows of an instance together with what is known here. False when the peer's is refused: its
   * lease ran out, or it comes from a snapshot and ran out while this registry was there and would have heard of it.
   */
  merge (state: InstanceState): boolean {
    const { app, id, facts: theirs } = state
    this.#ledger.observe(theirs)
    const lease = this.#ledger.lease(app, id)
    // A back end's word is not a peer's to change.
    if (lease?.durationMs === Infinity) return true
    const facts = mergeFacts(this.#ledger.factsOf(app, id), theirs)
    if (!isLiving(facts)) this.#bury(app, id, lease, facts)
    else if (lease !== undefined) this.#update(lease, facts, state)
    else if (this.#ledger.shelf.size >= this.#rules.maxInstances || this.#isOver(facts, state)) return false
    else this.#place(facts, state)
    return true
  }

  /**
   * A peer that was there all the time has refused it: without a word from its client it goes, and does not come back
   * from others that have it from a snapshot, too.
   */
  doubt (app: string, id: string): void {
    const lease = this.#ledger.lease(app, id)
    if (lease?.unverified !== true) return
    this.#doubted.set(instanceKey(app, id), lease.facts.registration.stamp)
    this.#ledger.remove(lease)
  }

  /**
   * Fills an empty book from a snapshot. Everyone gets a fresh lease, and counts as ADDED now, so that a client that
   * applies deltas misses nothing. With `n` the log goes on where that of the snapshot ended, without it begins anew.
   */
  restore ({ at, entries }: { readonly at: number, readonly entries: readonly InstanceState[] }, n = 0): void {
    const awayMs = Math.max(0, this.#rules.now() - at)
    const { log } = this.#ledger.shelf
    log.startAt(Math.max(0, n - entries.filter(({ facts }) => isLiving(facts)).length))
    for (const { app, id, facts, ageMs, silentMs = ageMs, upAt } of entries) {
      this.#ledger.observe(facts)
      if (!isLiving(facts)) this.#ledger.bury(app, id, facts)
      else this.#place(facts, { ageMs: 0, silentMs: silentMs + awayMs, upAt })
    }
    log.seal()
  }

  #bury (app: string, id: string, lease: Lease | undefined, facts: Facts): void {
    this.#ledger.bury(app, id, facts)
    if (lease !== undefined) this.#ledger.remove(lease)
  }

  #update (lease: Lease, facts: LivingFacts, { facts: theirs, ageMs, silentMs }: InstanceState): void {
    if (facts.registration !== lease.facts.registration) lease.local = false
    // Who does not have it any more cannot say how old its lease is.
    if (isLiving(theirs)) lease.renewedAt = Math.max(lease.renewedAt, this.#rules.now() - ageMs)
    if (isLiving(theirs) && silentMs === undefined) lease.unverified = false
    if (facts !== lease.facts) this.#ledger.change(lease, facts)
  }

  #isOver ({ registration: { instance, stamp } }: LivingFacts, { ageMs, silentMs }: Age): boolean {
    const durationMs = instance.lease.durationSecs * 1000
    if (silentMs === undefined) return ageMs > durationMs
    const doubted = this.#doubted.get(instanceKey(instance.app, instance.id))
    const wouldHaveHeard = silentMs > durationMs && this.#rules.now() - this.#startedAt > silentMs
    return ageMs > durationMs || wouldHaveHeard || (doubted !== undefined && !isLater(stamp, doubted))
  }

  /** Opens a lease for what a peer or a snapshot knows; it is not younger than it was there. */
  #place (facts: LivingFacts, { ageMs, silentMs, upAt = 0 }: Age): void {
    const now = this.#rules.now()
    const lease = this.#ledger.open(facts, upAt)
    const durationMs = facts.registration.instance.lease.durationSecs * 1000
    const unverified = silentMs !== undefined
    Object.assign(lease, { durationMs, renewedAt: now - ageMs, heardAt: now - (silentMs ?? ageMs), unverified })
    this.#ledger.show(lease, facts, 'ADDED')
  }
}
