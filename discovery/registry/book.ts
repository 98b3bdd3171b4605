import { Speaker } from './actor.ts'
import type { Buried } from './buried.ts'
import type { Change, ChangeLog } from './change-log.ts'
import { Copies } from './copies.ts'
import type { Digests } from './digest.ts'
import { Evictions } from './eviction.ts'
import { withoutRegistration, type LivingFacts } from './facts.ts'
import { instanceKey, type Instance, type Status } from './instance.ts'
import type { Lease } from './lease.ts'
import { Ledger } from './ledger.ts'
import type { Listing } from './listing.ts'
import { Recent } from './recent.ts'
import { RenewalWindow, type Note, type Renewal } from './renewals.ts'
import { assess, type Preservation } from './self-preservation.ts'
import type { Application } from './shelf.ts'
import type { HybridClock, Stamp } from './stamp.ts'
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
  readonly cancelled: Recent
  readonly buried: Buried
  readonly digests: Digests
  readonly clock: HybridClock
  /** What goes to peers and snapshots, and comes from them. */
  readonly copies: Copies
  /** By whose word it changes. */
  readonly speaker = new Speaker()
  readonly startedAt: number
  readonly #rules: BookRules
  readonly #ledger: Ledger
  readonly #evictions: Evictions

  constructor (rules: BookRules) {
    this.#rules = rules
    this.#ledger = new Ledger(rules)
    const { shelf } = this.#ledger
    this.apps = shelf.apps
    this.log = shelf.log
    this.statuses = shelf.statuses
    this.vips = shelf.vips
    this.secureVips = shelf.secureVips
    this.cancelled = this.#ledger.cancelled
    this.buried = this.#ledger.buried
    this.digests = this.#ledger.digests
    this.clock = this.#ledger.clock
    this.copies = new Copies(this.#ledger, rules)
    this.#evictions = new Evictions(rules)
    this.startedAt = rules.now()
  }

  /** How many leases have run out. */
  get evictions (): number {
    return this.#evictions.count
  }

  /** Called after every change; one listener. */
  set onChange (listener: (instance: Instance) => void) { this.#ledger.shelf.onChange = listener }

  /** How many instances there are. */
  get size (): number {
    return this.#ledger.shelf.size
  }

  /** Whether one more instance may register. */
  get isFull (): boolean {
    return this.size >= this.#rules.maxInstances
  }

  leases (): Iterable<Lease> {
    return this.#ledger.shelf.leases()
  }

  lease (app: string, id: string): Lease | undefined {
    return this.#ledger.lease(app, id)
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
    const { app, id, lastDirtyAt } = incoming
    const known = this.lease(app, id)
    const isLate = known !== undefined && !(known.awaited && !replicated) && isOlder(known.instance, incoming)
    const dated = { ...incoming, lastDirtyAt: lastDirtyAt || this.#rules.now() }
    const telling = { replicated, existing: known?.instance.status }
    const facts = isLate
      ? known.facts
      : registered(this.#ledger.factsOf(app, id), dated, this.clock.next(), telling)
    this.registered.push({ at: this.#rules.now(), app, id })
    const lease = known ?? this.#ledger.open(facts)
    lease.durationMs = incoming.lease.durationSecs * 1000
    if (!replicated) lease.ignoredAt = isLate ? lastDirtyAt : undefined
    if (!isLate) lease.awaited = false
    this.#ledger.confirm(lease, !replicated)
    return this.#ledger.show(lease, facts, 'ADDED')
  }

  /**
   * Takes over what the list of a server without stamps says of an instance. A list may be older than anything, so it
   * never beats what is known here, unless its client has spoken since, or what is known was not confirmed yet.
   */
  takeOver (incoming: Instance): void {
    const { app, id, lastDirtyAt } = incoming
    const known = this.lease(app, id)
    const removal = this.buried.get(instanceKey(app, id))?.removal
    if (known === undefined && removal === undefined) this.copies.merge({ app, id, facts: listed(incoming), ageMs: 0 })
    else if (known?.unverified === true && lastDirtyAt >= known.instance.lastDirtyAt) this.#replace(known, incoming)
    else if (lastDirtyAt > (known?.instance.lastDirtyAt ?? removal!.lastDirtyAt)) this.register(incoming, true)
  }

  /** Extends a lease. Never looks at more than this one lease. */
  renew (app: string, id: string, note: Note): Renewal {
    const lease = this.lease(app, id)
    if (lease === undefined) return 'unknown'
    const { instance } = lease
    // Nobody knows the true status: asking the client to register again brings it back.
    if (instance.status === 'UNKNOWN') return this.#ask(lease, note)
    // Who speaks to us lives by a lease of ours, whoever vouched for it before.
    if (lease.durationMs === Infinity && !note.replicated) {
      lease.durationMs = instance.lease.durationSecs * 1000
      this.#ledger.digest(lease)
    }
    this.#ledger.confirm(lease, !note.replicated)
    this.renewals.count(lease.renewedAt)
    if (note.lastDirtyAt === undefined || !this.#rules.syncWhenTimestampDiffers) return 'renewed'
    // It lives by what it registered with, which was taken for a late message: it may say that again.
    if (!note.replicated && note.lastDirtyAt === lease.ignoredAt) return this.#ask(lease, note)
    if (note.lastDirtyAt > instance.lastDirtyAt) return this.#behind(lease, note)
    return note.lastDirtyAt < instance.lastDirtyAt && note.replicated ? lease.instance : 'renewed'
  }

  /** Files an instance that a back end vouches for: it has no lease that could run out. An override stays. */
  hold (incoming: Instance): Instance {
    const { app, id } = incoming
    const dated = { ...incoming, lastDirtyAt: incoming.lastDirtyAt || this.#rules.now() }
    const facts = vouched(this.#ledger.factsOf(app, id), dated, this.clock.next())
    const lease = this.lease(app, id) ?? this.#ledger.open(facts)
    Object.assign(lease, { durationMs: Infinity, local: false, unverified: false, renewedAt: this.#rules.now() })
    return this.#ledger.show(lease, facts, 'ADDED')
  }

  /** The back end vouches for it no more. */
  release (app: string, id: string): void {
    const lease = this.lease(app, id)
    if (lease?.durationMs === Infinity) this.#ledger.remove(lease)
  }

  /** Takes an instance out; undefined when it is not there. */
  cancel (app: string, id: string): Instance | undefined {
    const lease = this.lease(app, id)
    if (lease === undefined) return undefined
    const facts = removed(lease.facts, this.clock.next())
    this.#ledger.bury(app, id, facts)
    return this.#ledger.remove(lease)
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
    this.#ledger.confirm(lease, true)
    return this.#ledger.show(lease, metadataAdded(lease.facts, entries, this.clock.next()), 'ADDED')
  }

  /** Ends overrides whose time is over; returns those of whom this changed something. */
  lapse (): Lease[] {
    return [...this.leases()].filter(lease => {
      if (lease.override === undefined) return false
      const { instance } = lease
      return this.#ledger.change(lease, lease.facts) !== instance
    })
  }

  /** Removes leases that ran out, as far as self-preservation lets it; returns what it removed. */
  evict (): Instance[] {
    const now = this.#rules.now()
    this.log.forget(now - this.#rules.keepRemovedMs)
    this.buried.forget(this.clock.nowMs)
    return this.#evictions.pick(this.leases(), this.preservation()).map(lease => {
      const { app, id } = lease.instance
      this.#ledger.bury(app, id, withoutRegistration(lease.facts))
      return this.#ledger.remove(lease)
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

  /** Somebody says something about an instance that is there, which also shows that it is there. */
  #say (app: string, id: string, word: (lease: Lease, stamp: Stamp) => LivingFacts): Instance | undefined {
    const lease = this.lease(app, id)
    if (lease === undefined) return undefined
    lease.renewedAt = this.#rules.now()
    return this.#ledger.change(lease, word(lease, this.clock.next()))
  }

  /** The client is told to register again; whatever its clock shows, that registration is no late message. */
  #ask (lease: Lease, { replicated }: Note): 'unknown' {
    lease.awaited ||= !replicated
    return 'unknown'
  }

  #behind (lease: Lease, note: Note): 'newer' {
    const { replicated, overriddenStatus: status } = note
    this.#ask(lease, note)
    if (replicated && status !== undefined && status !== 'UNKNOWN' && lease.override === undefined) {
      const { facts, instance } = lease
      this.#ledger.change(lease, overridden(facts, instance.status, status, this.clock.next(), this.clock.nowMs))
    }
    return 'newer'
  }

  /** What was read from a snapshot and never confirmed gives way as a whole. */
  #replace (lease: Lease, incoming: Instance): void {
    lease.facts = { ...lease.facts, override: undefined }
    const { overriddenStatus: status } = incoming
    this.register(incoming, true)
    if (status === 'UNKNOWN') this.#ledger.change(lease, cleared(lease.facts, lease.instance.status, undefined, this.clock.next(), 0))
  }
}

/** Of two copies the one that its client changed last is right; one that names no time is of now. */
function isOlder (known: Instance, { lastDirtyAt }: Instance): boolean {
  return known.lastDirtyAt > lastDirtyAt && lastDirtyAt > 0
}
