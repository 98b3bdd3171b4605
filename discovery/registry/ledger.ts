import { Buried } from './buried.ts'
import { Digests } from './digest.ts'
import {
  activeOverride, NO_FACTS, sameView, showInstance, stampsOf, type Facts, type LivingFacts
} from './facts.ts'
import { instanceKey, type Action, type Instance } from './instance.ts'
import type { Lease } from './lease.ts'
import { Recent } from './recent.ts'
import type { BookRules } from './rules.ts'
import { Shelf } from './shelf.ts'
import { HybridClock } from './stamp.ts'

const RECENT = 1000

/**
 * The leases and the facts that they are made from, kept in step: whatever changes a fact changes what is shown, what
 * is counted and what peers compare. It judges nothing; `Book` and `Copies` say what is to be done.
 */
export class Ledger {
  readonly shelf: Shelf
  /** What is remembered of those that were taken out, or whose leases ran out. */
  readonly buried: Buried
  /** What peers compare. Leases that a back end vouches for are not in it: each registry has them from there. */
  readonly digests = new Digests()
  readonly clock: HybridClock
  readonly cancelled = new Recent(RECENT)
  readonly #now: () => number

  constructor ({ now, origin, maxRemoved, keepRemovalsMs }: BookRules) {
    this.#now = now
    this.shelf = new Shelf(now, maxRemoved)
    this.buried = new Buried(maxRemoved, keepRemovalsMs)
    this.clock = new HybridClock(now, origin)
  }

  lease (app: string, id: string): Lease | undefined {
    return this.shelf.lease(app, id)
  }

  /** All that is known of an instance, whether it is there or not. */
  factsOf (app: string, id: string): Facts {
    return this.lease(app, id)?.facts ?? this.buried.get(instanceKey(app, id)) ?? NO_FACTS
  }

  observe (facts: Facts): void {
    for (const stamp of stampsOf(facts)) this.clock.observe(stamp)
  }

  /** A lease for an instance that has none; `show` is to follow. */
  open (facts: LivingFacts, serviceUpAt = 0): Lease {
    const shown = showInstance(facts, this.clock.nowMs)
    const instance = { ...shown, lease: { ...shown.lease, serviceUpAt } }
    const key = instanceKey(instance.app, instance.id)
    this.buried.exhume(key)
    return this.shelf.open(undated(key, instance, facts))
  }

  /** Its client was heard of, by this registry (`local`) or by a peer. */
  confirm (lease: Lease, local: boolean): void {
    lease.renewedAt = lease.heardAt = this.#now()
    lease.unverified = false
    lease.local = local
  }

  /** Takes on other facts; nobody is told of what nobody can see. */
  change (lease: Lease, facts: LivingFacts): Instance {
    if (facts.registration !== lease.facts.registration) return this.show(lease, facts, 'ADDED')
    if (!sameView(lease.instance, showInstance(facts, this.clock.nowMs))) return this.show(lease, facts, 'MODIFIED')
    lease.facts = facts
    this.digest(lease)
    return lease.instance
  }

  show (lease: Lease, facts: LivingFacts, action: Action): Instance {
    const now = this.#now()
    const { registeredAt: before, serviceUpAt } = lease.instance.lease
    const shown = showInstance(facts, this.clock.nowMs)
    lease.facts = facts
    lease.override = activeOverride(facts.override, this.clock.nowMs)
    this.digest(lease)
    const times = {
      registeredAt: action === 'ADDED' ? now : before, serviceUpAt: serviceUpAt || (shown.status === 'UP' ? now : 0)
    }
    const instance = this.shelf.put(lease, { ...shown, lease: { ...shown.lease, ...times } }, action)
    lease.facts = sharing(facts, instance)
    return instance
  }

  digest (lease: Lease): void {
    if (lease.durationMs === Infinity) this.digests.delete(lease.key)
    else this.digests.set(lease.key, lease.facts)
  }

  bury (app: string, id: string, facts: Facts): void {
    this.buried.bury(instanceKey(app, id), facts, this.clock.nowMs)
  }

  remove (lease: Lease): Instance {
    const { app, id } = lease.instance
    this.digests.delete(lease.key)
    this.cancelled.push({ at: this.#now(), app, id })
    return this.shelf.remove(lease)
  }
}

/** What a new lease begins as; who opens it says how old it is. */
function undated (key: string, instance: Instance, facts: LivingFacts): Lease {
  return {
    key, instance, facts, override: undefined, renewedAt: 0, heardAt: 0, durationMs: 0, unverified: false, local: false,
    awaited: false, ignoredAt: undefined
  }
}

/**
 * Where nobody has set or added anything, what is shown is what the client said, but for times that every registry
 * writes itself: one copy does for both. The second took 19 MB of a registry of fifty thousand instances.
 */
function sharing (facts: LivingFacts, shown: Instance): LivingFacts {
  const { registration } = facts
  const isSame = sameView(registration.instance, shown)
  return isSame ? { ...facts, registration: { ...registration, instance: shown } } : facts
}
