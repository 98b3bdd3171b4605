import { instanceKey } from '../registry/instance.ts'
import type { Replication, ReplicationAction } from './replication.ts'

/** Something that waits to be told to one peer. */
export interface Pending {
  readonly replication: Replication
  readonly queuedAt: number
  /** After this it is not worth telling any more. */
  readonly expiresAt: number
}

/** How long each kind is worth telling. */
export interface QueueRules {
  readonly max: number
  /** Cancels: a later one might hit an instance that has registered with the peer meanwhile. */
  readonly cancelMs: number
  /** Overrides: nothing else would ever tell them, so they outlast a long interruption. */
  readonly statusMs: number
}

/** What a newer replication of the same instance makes superfluous among those that wait. */
const REPLACES: Readonly<Record<ReplicationAction, ReadonlySet<ReplicationAction>>> = {
  Heartbeat: new Set(['Heartbeat']),
  Register: new Set(['Register', 'Heartbeat']),
  Cancel: new Set(['Register', 'Heartbeat', 'StatusUpdate', 'DeleteStatusOverride', 'Cancel']),
  StatusUpdate: new Set(),
  DeleteStatusOverride: new Set()
}

/**
 * What one peer has yet to hear, in the order in which it happened. Of one instance nothing overtakes anything; what
 * a newer word makes superfluous is taken out, so the queue holds a few items per instance however long the peer is
 * away. Status changes are never merged: set, clear and set again has to arrive as that.
 */
export class ReplicationQueue {
  readonly #pending = new Set<Pending>()
  readonly #byInstance = new Map<string, Pending[]>()
  readonly #rules: QueueRules
  /** Items dropped because the queue was full or they had waited too long. */
  dropped = 0

  constructor (rules: QueueRules) {
    this.#rules = rules
  }

  get size (): number {
    return this.#pending.size
  }

  /** When the oldest item was queued; undefined when nothing waits. */
  get oldestAt (): number | undefined {
    const [first] = this.#pending
    return first?.queuedAt
  }

  push (replication: Replication, now: number): void {
    const key = keyOf(replication)
    const waiting = this.#byInstance.get(key) ?? []
    for (const item of waiting) {
      if (REPLACES[replication.action].has(item.replication.action)) this.#pending.delete(item)
    }
    const item: Pending = { replication, queuedAt: now, expiresAt: now + this.#worthMs(replication) }
    this.#byInstance.set(key, [...waiting.filter(other => this.#pending.has(other)), item])
    this.#pending.add(item)
    if (this.#pending.size > this.#rules.max) this.#dropOldest()
  }

  /** The oldest items that are still worth telling; they are out of the queue until `putBack`. */
  take (count: number, now: number): Pending[] {
    const taken: Pending[] = []
    for (const item of this.#pending) {
      if (taken.length === count) break
      this.#remove(item)
      if (item.expiresAt >= now) taken.push(item)
      else this.dropped++
    }
    return taken
  }

  /** Items that did not reach the peer return to the front, except those that something newer replaced meanwhile. */
  putBack (items: readonly Pending[]): void {
    const later = [...this.#pending]
    this.#pending.clear()
    this.#byInstance.clear()
    const replaced = new Map<string, Set<ReplicationAction>>()
    for (const { replication } of later) {
      const actions = replaced.get(keyOf(replication)) ?? new Set()
      for (const action of REPLACES[replication.action]) actions.add(action)
      replaced.set(keyOf(replication), actions)
    }
    const earlier = items.filter(({ replication: told }) => replaced.get(keyOf(told))?.has(told.action) !== true)
    for (const item of [...earlier, ...later]) this.#append(item)
    while (this.#pending.size > this.#rules.max) this.#dropOldest()
  }

  #append (item: Pending): void {
    const key = keyOf(item.replication)
    this.#pending.add(item)
    this.#byInstance.set(key, [...this.#byInstance.get(key) ?? [], item])
  }

  #remove (item: Pending): void {
    const key = keyOf(item.replication)
    this.#pending.delete(item)
    const left = this.#byInstance.get(key)?.filter(other => other !== item) ?? []
    if (left.length === 0) this.#byInstance.delete(key)
    else this.#byInstance.set(key, left)
  }

  #dropOldest (): void {
    const [first] = this.#pending
    if (first === undefined) return
    this.#remove(first)
    this.dropped++
  }

  /** A registration or a heartbeat is told again by the next heartbeat, so it is worth one interval. */
  #worthMs ({ action, instance }: Replication): number {
    if (action === 'Cancel') return this.#rules.cancelMs
    if (action === 'StatusUpdate' || action === 'DeleteStatusOverride') return this.#rules.statusMs
    return instance.lease.renewalIntervalSecs * 1000
  }
}

function keyOf ({ app, id }: Replication): string {
  return instanceKey(app, id)
}
