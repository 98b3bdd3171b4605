import { ChangeLog, type Change } from './change-log.ts'
import { pickExpired } from './eviction.ts'
import { instanceKey, type Action, type Instance, type Status } from './instance.ts'
import type { Lease } from './lease.ts'
import type { Listing } from './listing.ts'
import { isExpired } from './lease.ts'
import { Recent } from './recent.ts'
import { RenewalWindow } from './renewals.ts'
import { assess, type Preservation } from './self-preservation.ts'
import { resolveStatus, StatusCounter } from './status.ts'
import type { BookRules } from './rules.ts'
import { VipIndex } from './vips.ts'

/** The instances of one application. `version` changes with every change to any of them. */
export interface Application {
  readonly name: string
  readonly leases: Map<string, Lease>
  version: number
}

/** How a renewal ended; an instance means that ours is newer than the peer's that sent it. */
export type Renewal = 'renewed' | 'unknown' | 'newer' | Instance

/** What comes along with a change: who tells it, and how new the teller's copy is. */
export interface Note {
  /** A peer tells it, not the client itself. */
  readonly replicated: boolean
  readonly lastDirtyAt?: number | undefined
  readonly overriddenStatus?: Status | undefined
}

const RECENT = 1000

/**
 * The book of leases: who is registered, until when, and what changed. Pure: it opens nothing, waits for nothing and
 * takes time and chance from its rules, so every one of its states can be reached in a test.
 */
export class Book implements Listing {
  readonly apps = new Map<string, Application>()
  readonly log: ChangeLog
  readonly statuses = new StatusCounter()
  readonly vips = new VipIndex('vipAddress')
  readonly secureVips = new VipIndex('secureVipAddress')
  readonly renewals = new RenewalWindow()
  readonly registered = new Recent(RECENT)
  readonly cancelled = new Recent(RECENT)
  readonly startedAt: number
  /** Called after every change; one listener, which wakes the push stream. */
  onChange: () => void = () => {}
  evictions = 0
  readonly #rules: BookRules
  #size = 0
  #evictedAt: number[] = []
  #sweptAt: number | undefined
  #preserving = true

  constructor (rules: BookRules) {
    this.#rules = rules
    this.log = new ChangeLog(rules.maxRemoved)
    this.startedAt = rules.now()
  }

  /** How many instances there are. */
  get size (): number {
    return this.#size
  }

  /** Whether one more instance may register. */
  get isFull (): boolean {
    return this.#size >= this.#rules.maxInstances
  }

  * leases (): Generator<Lease> {
    for (const app of this.apps.values()) yield * app.leases.values()
  }

  lease (app: string, id: string): Lease | undefined {
    return this.apps.get(app)?.leases.get(id)
  }

  /** The instance if its lease has not run out (or nothing may run out now). */
  find (app: string, id: string): Lease | undefined {
    const lease = this.lease(app, id)
    return lease === undefined || this.#isGone(lease) ? undefined : lease
  }

  /** The first instance with an id, whatever its application. */
  findById (id: string): Lease | undefined {
    for (const app of this.apps.keys()) {
      const lease = this.find(app, id)
      if (lease !== undefined) return lease
    }
    return undefined
  }

  /** Files an instance under a new lease, keeping what a newer registration and an operator have said before. */
  register (incoming: Instance, replicated: boolean): Instance {
    const now = this.#rules.now()
    const known = this.lease(incoming.app, incoming.id)
    // Two copies of one instance: the one that its client changed last is right (equal: the one that comes now).
    const source = known !== undefined && known.instance.lastDirtyAt > incoming.lastDirtyAt && incoming.lastDirtyAt > 0
      ? known.instance
      : incoming
    const override = known?.override ?? (source.overriddenStatus === 'UNKNOWN' ? undefined : source.overriddenStatus)
    const status = resolveStatus(source.status, override, known?.instance.status, replicated)
    const serviceUpAt = known?.instance.lease.serviceUpAt || (status === 'UP' ? now : 0)
    const lease = known ?? this.#open(incoming)
    lease.override = override
    lease.renewedAt = now
    lease.unverified = false
    lease.local = !replicated
    lease.durationMs = incoming.lease.durationSecs * 1000
    this.registered.push({ at: now, app: incoming.app, id: incoming.id })
    return this.#put(lease, {
      ...source,
      status,
      overriddenStatus: override ?? 'UNKNOWN',
      lastDirtyAt: source.lastDirtyAt || now,
      lease: { ...incoming.lease, registeredAt: now, renewedAt: now, evictedAt: 0, serviceUpAt }
    }, 'ADDED')
  }

  /** Extends a lease. Never looks at more than this one lease. */
  renew (app: string, id: string, note: Note): Renewal {
    const lease = this.lease(app, id)
    if (lease === undefined) return 'unknown'
    const { instance } = lease
    const status = resolveStatus(instance.status, lease.override, instance.status, note.replicated)
    // A cleared override left nobody knowing the true status: asking the client to register again brings it back.
    if (status === 'UNKNOWN') return 'unknown'
    const now = this.#rules.now()
    lease.renewedAt = now
    lease.unverified = false
    lease.local = !note.replicated
    // Who speaks to us lives by a lease of ours, whoever vouched for it before.
    if (lease.durationMs === Infinity && !note.replicated) lease.durationMs = instance.lease.durationSecs * 1000
    this.renewals.count(now)
    if (status !== instance.status) this.#put(lease, { ...instance, status }, 'MODIFIED')
    if (note.lastDirtyAt === undefined || !this.#rules.syncWhenTimestampDiffers) return 'renewed'
    if (note.lastDirtyAt > instance.lastDirtyAt) return this.#behind(lease, note)
    return note.lastDirtyAt < instance.lastDirtyAt && note.replicated ? lease.instance : 'renewed'
  }

  /**
   * Fills an empty book from a snapshot. Everyone gets a fresh lease, and counts as ADDED now, so that a client that
   * applies deltas misses nothing. With `n` the log goes on where that of the snapshot ended, without it begins anew.
   */
  restore (entries: readonly { readonly instance: Instance, readonly override: Status | undefined }[], n = 0): void {
    const now = this.#rules.now()
    this.log.startAt(Math.max(0, n - entries.length))
    for (const { instance, override } of entries) {
      const lease = this.#open(instance)
      const durationMs = instance.lease.durationSecs * 1000
      Object.assign(lease, { override, renewedAt: now, durationMs, unverified: true })
      this.#put(lease, instance, 'ADDED')
    }
    this.log.seal()
  }

  /** Files an instance that a back end vouches for: it has no lease that could run out. An override stays. */
  hold (incoming: Instance): Instance {
    const now = this.#rules.now()
    const known = this.lease(incoming.app, incoming.id)
    const lease = known ?? this.#open(incoming)
    const status = resolveStatus(incoming.status, lease.override, undefined, true)
    const serviceUpAt = known?.instance.lease.serviceUpAt || (status === 'UP' ? now : 0)
    Object.assign(lease, { renewedAt: now, durationMs: Infinity, unverified: false, local: false })
    return this.#put(lease, {
      ...incoming,
      status,
      overriddenStatus: lease.override ?? incoming.overriddenStatus,
      lastDirtyAt: incoming.lastDirtyAt || now,
      lease: { ...incoming.lease, registeredAt: now, serviceUpAt }
    }, 'ADDED')
  }

  /** Takes an instance out; undefined when it is not there. */
  cancel (app: string, id: string): Instance | undefined {
    const lease = this.lease(app, id)
    return lease === undefined ? undefined : this.#remove(lease)
  }

  /**
   * Sets a status that outlives the client's own word. Setting the present status changes nothing, as in Eureka.
   * UNKNOWN is set but not kept: as an override it would have the client register again for ever.
   */
  override (app: string, id: string, status: Status, lastDirtyAt = 0): Instance | undefined {
    const lease = this.#touch(app, id)
    if (lease === undefined || lease.instance.status === status) return lease?.instance
    lease.override = status === 'UNKNOWN' ? undefined : status
    return this.#setStatus(lease, status, status, lastDirtyAt)
  }

  /** Removes what `override` set. The status is `status` until the client speaks again, UNKNOWN when not given. */
  clearOverride (app: string, id: string, status: Status = 'UNKNOWN', lastDirtyAt = 0): Instance | undefined {
    const lease = this.#touch(app, id)
    if (lease?.override === undefined) return lease?.instance
    lease.override = undefined
    return this.#setStatus(lease, status, 'UNKNOWN', lastDirtyAt)
  }

  /** Adds entries to an instance's metadata, which Eureka treats as a new registration. */
  addMetadata (app: string, id: string, entries: Iterable<readonly [string, string]>): Instance | undefined {
    const instance = this.lease(app, id)?.instance
    if (instance === undefined) return undefined
    return this.register({ ...instance, metadata: new Map([...instance.metadata, ...entries]) }, false)
  }

  /** Removes leases that ran out, as far as self-preservation lets it; returns what it removed. */
  evict (): Instance[] {
    const now = this.#rules.now()
    // Time in which this process stood still (a suspended machine) is no time in which clients failed to renew.
    const stoodStillMs = this.#sweptAt === undefined ? 0 : Math.max(0, now - this.#sweptAt - this.#rules.sweepMs)
    this.#sweptAt = now
    this.log.forget(now - this.#rules.keepRemovedMs)
    const preservation = this.preservation()
    this.#preserving = preservation.active
    if (preservation.active) return []
    const expired: Lease[] = []
    for (const lease of this.leases()) {
      if (isExpired(lease, now, stoodStillMs, this.#rules.leaseBugCompatible)) expired.push(lease)
    }
    return pickExpired(expired, this.#evictionBudget(now, preservation), this.#rules.random).map(lease => {
      this.evictions++
      this.#evictedAt.push(now)
      return this.#remove(lease)
    })
  }

  /** What self-preservation thinks at this moment. */
  preservation (): Preservation {
    const now = this.#rules.now()
    const renewals = this.renewals.lastMinute(now)
    return assess(this.#rules.preservation, this.leases(), renewals, this.startedAt, now)
  }

  /** Changes of the time that Eureka's delta covers; undefined when more was removed in it than the log remembers. */
  delta (): Change[] | undefined {
    return this.log.sinceTime(this.#rules.now() - this.#rules.deltaMs)
  }

  /**
   * At most 15 % of the registry (the rest of the renewal threshold) leaves within a minute, whatever the sweep's
   * interval; a registry below the floor has no such cap, or its second dead instance would stay a minute longer.
   */
  #evictionBudget (now: number, { reason, instances }: Preservation): number {
    if (reason === 'small' || reason === 'off') return Infinity
    this.#evictedAt = this.#evictedAt.filter(at => at > now - 60_000)
    const before = instances + this.#evictedAt.length
    return before - Math.floor(before * this.#rules.preservation.threshold) - this.#evictedAt.length
  }

  #isGone (lease: Lease): boolean {
    return !this.#preserving && isExpired(lease, this.#rules.now(), 0, this.#rules.leaseBugCompatible)
  }

  #touch (app: string, id: string): Lease | undefined {
    const lease = this.lease(app, id)
    if (lease !== undefined) lease.renewedAt = this.#rules.now()
    return lease
  }

  #behind (lease: Lease, note: Note): 'newer' {
    const status = note.overriddenStatus
    if (note.replicated && status !== undefined && status !== 'UNKNOWN') lease.override = status
    return 'newer'
  }

  #setStatus (lease: Lease, status: Status, overriddenStatus: Status, lastDirtyAt: number): Instance {
    const { instance } = lease
    const serviceUpAt = instance.lease.serviceUpAt || (status === 'UP' ? this.#rules.now() : 0)
    return this.#put(lease, {
      ...instance,
      status,
      overriddenStatus,
      lastDirtyAt: Math.max(lastDirtyAt, instance.lastDirtyAt),
      lease: { ...instance.lease, serviceUpAt }
    }, 'MODIFIED')
  }

  #open (instance: Instance): Lease {
    let app = this.apps.get(instance.app)
    if (app === undefined) this.apps.set(instance.app, app = { name: instance.app, leases: new Map(), version: 0 })
    const lease: Lease = { instance, override: undefined, renewedAt: 0, durationMs: 0, unverified: false, local: false }
    app.leases.set(instance.id, lease)
    this.#size++
    this.#index(instance, 1)
    return lease
  }

  #put (lease: Lease, next: Instance, action: Action): Instance {
    this.#index(lease.instance, -1)
    lease.instance = this.#stamp(next, lease, action)
    this.#index(lease.instance, 1)
    return this.#record(lease.instance)
  }

  #remove (lease: Lease): Instance {
    const { app: name, id } = lease.instance
    const app = this.apps.get(name)
    app?.leases.delete(id)
    if (app?.leases.size === 0) this.apps.delete(name)
    this.#size--
    this.#index(lease.instance, -1)
    this.cancelled.push({ at: this.#rules.now(), app: name, id })
    return this.#record(this.#stamp(lease.instance, lease, 'DELETED'))
  }

  #stamp (instance: Instance, lease: Lease, action: Action): Instance {
    const now = this.#rules.now()
    const evictedAt = action === 'DELETED' ? now : 0
    const info = { ...instance.lease, renewedAt: lease.renewedAt, evictedAt }
    return { ...instance, action, lastUpdatedAt: now, lease: info }
  }

  #record (instance: Instance): Instance {
    const { n } = this.log.append(instance, this.#rules.now())
    const app = this.apps.get(instance.app)
    if (app !== undefined) app.version = n
    this.onChange()
    return instance
  }

  #index (instance: Instance, by: 1 | -1): void {
    const key = instanceKey(instance.app, instance.id)
    this.statuses.add(instance.status, by)
    const verb = by === 1 ? 'add' : 'remove'
    this.vips[verb](key, instance)
    this.secureVips[verb](key, instance)
  }
}
