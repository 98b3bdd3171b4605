import { Speaker } from './actor.ts'
import { Buried } from './buried.ts'
import type { Change, ChangeLog } from './change-log.ts'
import { Digests } from './digest.ts'
import { Evictions } from './eviction.ts'
import {
  activeOverride, isLiving, mergeFacts, NO_FACTS, sameView, showInstance, stampsOf, withoutRegistration,
  type Facts, type LivingFacts
} from './facts.ts'
import { instanceKey, type Action, type Instance, type Status } from './instance.ts'
import type { Lease } from './lease.ts'
import type { Listing } from './listing.ts'
import { Recent } from './recent.ts'
import { RenewalWindow, type Note, type Renewal } from './renewals.ts'
import { assess, type Preservation } from './self-preservation.ts'
import { Shelf, type Application } from './shelf.ts'
import { HybridClock, isLater, type Stamp } from './stamp.ts'
import type { InstanceState } from './state.ts'
import type { StatusCounter } from './status.ts'
import type { BookRules } from './rules.ts'
import type { VipIndex } from './vips.ts'
import { cleared, listed, metadataAdded, overridden, registered, removed, vouched, type OverrideNote } from './words.ts'

export type { Application } from './shelf.ts'

const RECENT = 1000

/**
 * The book of leases: who is registered, until when, and what changed. Pure: it opens nothing, waits for nothing and
 * takes time and chance from its rules, so every one of its states can be reached in a test.
 */
export class Book implements Listing {
  readonly apps: ReadonlyMap<string, Application>
  readonly log: ChangeLog
  readonly statuses: StatusCounter
  readonly vips: VipIndex
  readonly secureVips: VipIndex
  readonly renewals = new RenewalWindow()
  readonly registered = new Recent(RECENT)
  readonly cancelled = new Recent(RECENT)
  /** What is remembered of those that were taken out, or whose leases ran out. */
  readonly buried: Buried
  /** What peers compare. Leases that a back end vouches for are not in it: each registry has them from there. */
  readonly digests = new Digests()
  readonly clock: HybridClock
  /** By whose word it changes. */
  readonly speaker = new Speaker()
  readonly startedAt: number
  readonly #rules: BookRules
  readonly #shelf: Shelf
  /** Unconfirmed ones that went, with the stamp of their registration; no more than a snapshot holds. */
  readonly #doubted = new Map<string, Stamp>()
  readonly #evictions: Evictions

  constructor (rules: BookRules) {
    this.#rules = rules
    this.#shelf = new Shelf(rules.now, rules.maxRemoved)
    this.apps = this.#shelf.apps
    this.log = this.#shelf.log
    this.statuses = this.#shelf.statuses
    this.vips = this.#shelf.vips
    this.secureVips = this.#shelf.secureVips
    this.buried = new Buried(rules.maxRemoved, rules.keepRemovalsMs)
    this.clock = new HybridClock(rules.now, rules.origin)
    this.#evictions = new Evictions(rules)
    this.startedAt = rules.now()
  }

  /** How many leases have run out. */
  get evictions (): number {
    return this.#evictions.count
  }

  /** Called after every change; one listener. */
  set onChange (listener: (instance: Instance) => void) { this.#shelf.onChange = listener }

  /** How many instances there are. */
  get size (): number {
    return this.#shelf.size
  }

  /** Whether one more instance may register. */
  get isFull (): boolean {
    return this.size >= this.#rules.maxInstances
  }

  * leases (): Generator<Lease> {
    for (const app of this.apps.values()) yield * app.leases.values()
  }

  lease (app: string, id: string): Lease | undefined {
    return this.#shelf.lease(app, id)
  }

  /** The instance if its lease has not run out (or nothing may run out now). */
  find (app: string, id: string): Lease | undefined {
    const lease = this.lease(app, id)
    return lease === undefined || this.#evictions.isOver(lease) ? undefined : lease
  }

  /** The first instance with an id, whatever its application. */
  findById (id: string): Lease | undefined {
    return this.apps.keys().map(app => this.find(app, id)).find(lease => lease !== undefined)
  }

  /** Files an instance under a new lease, keeping what a newer registration and an operator have said before. */
  register (incoming: Instance, replicated: boolean): Instance {
    const known = this.lease(incoming.app, incoming.id)
    const isOlder = known !== undefined && known.instance.lastDirtyAt > incoming.lastDirtyAt && incoming.lastDirtyAt > 0
    const dated = { ...incoming, lastDirtyAt: incoming.lastDirtyAt || this.#rules.now() }
    // Two copies of one instance: the one that its client changed last is right (equal: the one that comes now).
    const facts = isOlder
      ? known.facts
      : registered(this.#factsOf(incoming.app, incoming.id), dated, this.clock.next(),
        { replicated, existing: known?.instance.status })
    this.registered.push({ at: this.#rules.now(), app: incoming.app, id: incoming.id })
    const lease = known ?? this.#open(facts)
    lease.durationMs = incoming.lease.durationSecs * 1000
    this.#confirm(lease, !replicated)
    return this.#show(lease, facts, 'ADDED')
  }

  /**
   * Takes over what the list of a server without stamps says of an instance. A list may be older than anything, so it
   * never beats what is known here, unless its client has spoken since, or what is known was not confirmed yet.
   */
  takeOver (incoming: Instance): void {
    const { app, id, lastDirtyAt } = incoming
    const known = this.lease(app, id)
    const removal = this.buried.get(instanceKey(app, id))?.removal
    if (known === undefined && removal === undefined) this.merge({ app, id, facts: listed(incoming), ageMs: 0 })
    else if (known?.unverified === true && lastDirtyAt >= known.instance.lastDirtyAt) this.#replace(known, incoming)
    else if (lastDirtyAt > (known?.instance.lastDirtyAt ?? removal!.lastDirtyAt)) this.register(incoming, true)
  }

  /** Extends a lease. Never looks at more than this one lease. */
  renew (app: string, id: string, note: Note): Renewal {
    const lease = this.lease(app, id)
    if (lease === undefined) return 'unknown'
    const { instance } = lease
    // Nobody knows the true status: asking the client to register again brings it back.
    if (instance.status === 'UNKNOWN') return 'unknown'
    // Who speaks to us lives by a lease of ours, whoever vouched for it before.
    if (lease.durationMs === Infinity && !note.replicated) {
      lease.durationMs = instance.lease.durationSecs * 1000
      this.#digest(lease)
    }
    this.#confirm(lease, !note.replicated)
    this.renewals.count(lease.renewedAt)
    if (note.lastDirtyAt === undefined || !this.#rules.syncWhenTimestampDiffers) return 'renewed'
    if (note.lastDirtyAt > instance.lastDirtyAt) return this.#behind(lease, note)
    return note.lastDirtyAt < instance.lastDirtyAt && note.replicated ? lease.instance : 'renewed'
  }

  /**
   * Fills an empty book from a snapshot. Everyone gets a fresh lease, and counts as ADDED now, so that a client that
   * applies deltas misses nothing. With `n` the log goes on where that of the snapshot ended, without it begins anew.
   */
  restore ({ at, entries }: { readonly at: number, readonly entries: readonly InstanceState[] }, n = 0): void {
    const awayMs = Math.max(0, this.#rules.now() - at)
    this.log.startAt(Math.max(0, n - entries.filter(({ facts }) => isLiving(facts)).length))
    for (const { app, id, facts, ageMs, silentMs = ageMs, upAt } of entries) {
      this.#observe(facts)
      if (!isLiving(facts)) this.buried.bury(instanceKey(app, id), facts, this.clock.nowMs)
      else this.#place(facts, { ageMs: 0, silentMs: silentMs + awayMs, upAt })
    }
    this.log.seal()
  }

  /** Files an instance that a back end vouches for: it has no lease that could run out. An override stays. */
  hold (incoming: Instance): Instance {
    const { app, id } = incoming
    const dated = { ...incoming, lastDirtyAt: incoming.lastDirtyAt || this.#rules.now() }
    const facts = vouched(this.#factsOf(app, id), dated, this.clock.next())
    const lease = this.lease(app, id) ?? this.#open(facts)
    Object.assign(lease, { durationMs: Infinity, local: false, unverified: false, renewedAt: this.#rules.now() })
    return this.#show(lease, facts, 'ADDED')
  }

  /** The back end vouches for it no more. */
  release (app: string, id: string): void {
    const lease = this.lease(app, id)
    if (lease?.durationMs === Infinity) this.#remove(lease)
  }

  /** Takes an instance out; undefined when it is not there. */
  cancel (app: string, id: string): Instance | undefined {
    const lease = this.lease(app, id)
    return lease && this.#bury(app, id, lease, removed(lease.facts, this.clock.next()))
  }

  /** Sets a status that outlives the client's own word. Setting the present status changes nothing, as in Eureka. */
  override (app: string, id: string, status: Status, note?: OverrideNote): Instance | undefined {
    return this.#say(app, id, ({ facts, instance }, stamp) =>
      overridden(facts, instance.status, status, stamp, this.clock.nowMs, note))
  }

  /** Removes what `override` set. The status is `status` until the client speaks again, else the client's own. */
  clearOverride (app: string, id: string, status?: Status): Instance | undefined {
    return this.#say(app, id, ({ facts, instance }, stamp) =>
      cleared(facts, instance.status, status, stamp, this.clock.nowMs))
  }

  /** Adds entries to an instance's metadata, which Eureka treats as a new registration. */
  addMetadata (app: string, id: string, entries: Iterable<readonly [string, string]>): Instance | undefined {
    const lease = this.lease(app, id)
    if (lease === undefined) return undefined
    this.#confirm(lease, true)
    return this.#show(lease, metadataAdded(lease.facts, entries, this.clock.next()), 'ADDED')
  }

  /** All that would be lost with this process: what a back end vouches for comes from there again. */
  states (): InstanceState[] {
    const living = [...this.leases()].map(({ instance: { app, id } }) => this.stateOf(app, id))
    return [...living, ...this.buried.states()].filter(state => state !== undefined)
  }

  /** All that is known of an instance, for a peer; undefined when it is nothing. */
  stateOf (app: string, id: string): InstanceState | undefined {
    const lease = this.lease(app, id)
    const facts = lease?.facts ?? this.buried.get(instanceKey(app, id))
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
    this.#observe(theirs)
    const lease = this.lease(app, id)
    // A back end's word is not a peer's to change.
    if (lease?.durationMs === Infinity) return true
    const mine = this.#factsOf(app, id)
    const facts = mergeFacts(mine, theirs)
    if (!isLiving(facts)) this.#bury(app, id, lease, facts)
    else if (lease !== undefined) this.#update(lease, facts, state)
    else if (this.isFull || this.#isOver(facts, state)) return false
    else this.#place(facts, state)
    return true
  }

  /**
   * A peer that was there all the time has refused it: without a word from its client it goes, and does not come back
   * from others that have it from a snapshot, too.
   */
  doubt (app: string, id: string): void {
    const lease = this.lease(app, id)
    if (lease?.unverified !== true) return
    this.#doubted.set(instanceKey(app, id), lease.facts.registration.stamp)
    this.#remove(lease)
  }

  /** Removes leases that ran out, as far as self-preservation lets it; returns what it removed. */
  evict (): Instance[] {
    const now = this.#rules.now()
    this.log.forget(now - this.#rules.keepRemovedMs)
    this.buried.forget(this.clock.nowMs)
    // An override whose time is over ends without a word.
    for (const lease of this.leases()) if (lease.override !== undefined) this.#change(lease, lease.facts)
    return this.#evictions.pick(this.leases(), this.preservation()).map(lease => {
      const { app, id } = lease.instance
      this.buried.bury(instanceKey(app, id), withoutRegistration(lease.facts), this.clock.nowMs)
      return this.#remove(lease)
    })
  }

  /** What self-preservation thinks at this moment. */
  preservation (): Preservation {
    const now = this.#rules.now()
    return assess(this.#rules.preservation, this.leases(), this.renewals.lastMinute(now), this.startedAt, now)
  }

  /** Changes of the time that Eureka's delta covers; undefined when more was removed in it than the log remembers. */
  delta (): Change[] | undefined {
    return this.log.sinceTime(this.#rules.now() - this.#rules.deltaMs)
  }

  #factsOf (app: string, id: string): Facts {
    return this.lease(app, id)?.facts ?? this.buried.get(instanceKey(app, id)) ?? NO_FACTS
  }

  #observe (facts: Facts): void {
    for (const stamp of stampsOf(facts)) this.clock.observe(stamp)
  }

  /** Somebody says something about an instance that is there, which also shows that it is there. */
  #say (app: string, id: string, word: (lease: Lease, stamp: Stamp) => LivingFacts): Instance | undefined {
    const lease = this.lease(app, id)
    if (lease === undefined) return undefined
    lease.renewedAt = this.#rules.now()
    return this.#change(lease, word(lease, this.clock.next()))
  }

  #behind (lease: Lease, { replicated, overriddenStatus: status }: Note): 'newer' {
    if (replicated && status !== undefined && status !== 'UNKNOWN' && lease.override === undefined) {
      this.#change(lease, overridden(lease.facts, lease.instance.status, status, this.clock.next(), this.clock.nowMs))
    }
    return 'newer'
  }

  /** What was read from a snapshot and never confirmed gives way as a whole. */
  #replace (lease: Lease, incoming: Instance): void {
    lease.facts = { ...lease.facts, override: undefined }
    const { overriddenStatus: status } = incoming
    this.register(incoming, true)
    if (status === 'UNKNOWN') this.#change(lease, cleared(lease.facts, lease.instance.status, undefined, this.clock.next(), 0))
  }

  #bury (app: string, id: string, lease: Lease | undefined, facts: Facts): Instance | undefined {
    this.buried.bury(instanceKey(app, id), facts, this.clock.nowMs)
    return lease && this.#remove(lease)
  }

  #update (lease: Lease, facts: LivingFacts, { facts: theirs, ageMs, silentMs }: InstanceState): void {
    if (facts.registration !== lease.facts.registration) lease.local = false
    // Who does not have it any more cannot say how old its lease is.
    if (isLiving(theirs)) lease.renewedAt = Math.max(lease.renewedAt, this.#rules.now() - ageMs)
    if (isLiving(theirs) && silentMs === undefined) lease.unverified = false
    if (facts !== lease.facts) this.#change(lease, facts)
  }

  #isOver ({ registration: { instance, stamp } }: LivingFacts, { ageMs, silentMs }: InstanceState): boolean {
    const durationMs = instance.lease.durationSecs * 1000
    if (silentMs === undefined) return ageMs > durationMs
    const doubted = this.#doubted.get(instanceKey(instance.app, instance.id))
    const wouldHaveHeard = silentMs > durationMs && this.#rules.now() - this.startedAt > silentMs
    return ageMs > durationMs || wouldHaveHeard || (doubted !== undefined && !isLater(stamp, doubted))
  }

  /** Opens a lease for what a peer or a snapshot knows; it is not younger than it was there. */
  #place (facts: LivingFacts, { ageMs, silentMs, upAt = 0 }: Pick<InstanceState, 'ageMs' | 'silentMs' | 'upAt'>): void {
    const now = this.#rules.now()
    const lease = this.#open(facts, upAt)
    const durationMs = facts.registration.instance.lease.durationSecs * 1000
    const unverified = silentMs !== undefined
    Object.assign(lease, { durationMs, renewedAt: now - ageMs, heardAt: now - (silentMs ?? ageMs), unverified })
    this.#show(lease, facts, 'ADDED')
  }

  #open (facts: LivingFacts, serviceUpAt = 0): Lease {
    const shown = showInstance(facts, this.clock.nowMs)
    const instance = { ...shown, lease: { ...shown.lease, serviceUpAt } }
    this.buried.exhume(instanceKey(instance.app, instance.id))
    this.#doubted.delete(instanceKey(instance.app, instance.id))
    return this.#shelf.open({
      instance, facts, override: undefined, renewedAt: 0, heardAt: 0, durationMs: 0, unverified: false, local: false
    })
  }

  #confirm (lease: Lease, local: boolean): void {
    lease.renewedAt = lease.heardAt = this.#rules.now()
    lease.unverified = false
    lease.local = local
  }

  /** Takes on other facts; nobody is told of what nobody can see. */
  #change (lease: Lease, facts: LivingFacts): Instance {
    if (facts.registration !== lease.facts.registration) return this.#show(lease, facts, 'ADDED')
    if (!sameView(lease.instance, showInstance(facts, this.clock.nowMs))) return this.#show(lease, facts, 'MODIFIED')
    lease.facts = facts
    this.#digest(lease)
    return lease.instance
  }

  #show (lease: Lease, facts: LivingFacts, action: Action): Instance {
    const now = this.#rules.now()
    const { registeredAt: before, serviceUpAt } = lease.instance.lease
    const shown = showInstance(facts, this.clock.nowMs)
    lease.facts = facts
    lease.override = activeOverride(facts.override, this.clock.nowMs)
    this.#digest(lease)
    const times = {
      registeredAt: action === 'ADDED' ? now : before, serviceUpAt: serviceUpAt || (shown.status === 'UP' ? now : 0)
    }
    return this.#shelf.put(lease, { ...shown, lease: { ...shown.lease, ...times } }, action)
  }

  #digest (lease: Lease): void {
    const key = instanceKey(lease.instance.app, lease.instance.id)
    if (lease.durationMs === Infinity) this.digests.delete(key)
    else this.digests.set(key, lease.facts)
  }

  #remove (lease: Lease): Instance {
    const { app, id } = lease.instance
    this.digests.delete(instanceKey(app, id))
    this.cancelled.push({ at: this.#rules.now(), app, id })
    return this.#shelf.remove(lease)
  }
}
