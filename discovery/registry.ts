import { auditLine, type Audit } from './registry/actor.ts'
import type { Book } from './registry/book.ts'
import type { Instance, Status } from './registry/instance.ts'
import type { Note, Renewal } from './registry/renewals.ts'
import type { OverrideNote } from './registry/words.ts'
import type { Payloads } from './eureka/payloads.ts'
import type { Replicate, ReplicationAction } from './peers/replication.ts'
import type { Hub } from './stream/hub.ts'

/** What the road leads through. */
export interface RegistryParts {
  readonly book: Book
  readonly payloads: Payloads
  readonly hub: Hub
}

/** Who says it: a client or an operator, or a server without stamps that was told it. */
export interface Source {
  readonly replicated: boolean
}

/**
 * The road of a registration, top to bottom:
 *
 *   register    a client says that it is there                                (eureka/ understands it)
 *   facts       what was said gets a stamp, which orders it in the cluster    (registry/words, facts)
 *   lease       the book files it, and settles whose word on the status holds (registry/book)
 *   renew       a heartbeat extends the lease and touches nothing else        (registry/book, renewals)
 *   or expire   a lease that ran out is removed, unless too many did          (registry/self-preservation, eviction)
 *   change log  every change gets a number; the newest of each instance stays (registry/change-log)
 *   push        readers of the stream get what is newer than their number     (stream/hub)
 *   peers       what came from a client, and only that, is told to the peers  (peers/)
 *   agree       peers compare what they have, and exchange what differs       (peers/reconciler)
 *
 * Every method below is one way to enter it. `replicated` marks what a server without stamps told: it goes no further,
 * or two registries would tell each other the same for ever.
 */
export class Registry {
  readonly book: Book
  readonly payloads: Payloads
  readonly hub: Hub
  #replicate: Replicate | undefined
  #audit: Audit | undefined

  constructor ({ book, payloads, hub }: RegistryParts) {
    this.book = book
    this.payloads = payloads
    this.hub = hub
    // The log is written before anybody is told, so that whoever is told finds it there.
    book.onChange = instance => {
      hub.wake()
      this.#audit?.(auditLine(instance, book.speaker.actor))
    }
  }

  /** From now on each change is written down, whoever makes it. */
  auditTo (audit: Audit): void {
    this.#audit = audit
  }

  /** From now on the peers are told. Without peers not even a heartbeat's news is made. */
  replicateTo (replicate: Replicate | undefined): void {
    this.#replicate = replicate
  }

  register (incoming: Instance, replicated: boolean): Instance {
    const instance = this.book.register(incoming, replicated)
    if (!replicated) this.#tell('Register', instance)
    return instance
  }

  renew (app: string, id: string, note: Note): Renewal {
    const renewal = this.book.renew(app, id, note)
    // A heartbeat is told even when the client is asked to register again: its lease was renewed here, too.
    if (!note.replicated && renewal !== 'unknown' && this.#replicate !== undefined) {
      const { instance } = this.book.lease(app, id)!
      this.#replicate({ action: 'Heartbeat', app, id, instance })
    }
    return renewal
  }

  cancel (app: string, id: string, { replicated }: Source): Instance | undefined {
    const instance = this.book.cancel(app, id)
    if (instance !== undefined && !replicated) this.#tell('Cancel', instance)
    return instance
  }

  /**
   * What ends by itself. That leases ran out is not told to the peers, who count their own; that an override did is,
   * for those who know of no end, by the registry that the instance speaks to.
   */
  expire (): Instance[] {
    const lapsed = this.book.speaker.as({ by: 'registry', action: 'override ended' }, () => this.book.lapse())
    for (const { local, instance } of lapsed) if (local) this.#tell('DeleteStatusOverride', instance)
    return this.book.speaker.as({ by: 'registry', action: 'expire' }, () => this.book.evict())
  }

  override (
    app: string, id: string, status: Status, { replicated }: Source, note?: OverrideNote
  ): Instance | undefined {
    const before = this.book.lease(app, id)?.instance
    const instance = this.book.override(app, id, status, note)
    // One that says what is so already is kept by nobody. Told as an override it would be one at a server that has not
    // heard yet of the registration that made it so, and never will when a newer one takes its place in the queue.
    if (instance !== undefined && !replicated) this.#tell(instance === before ? 'Heartbeat' : 'StatusUpdate', instance)
    return instance
  }

  /** `status` is what is shown until the client speaks again; undefined: the client's own last word. */
  clearOverride (app: string, id: string, status: Status | undefined, { replicated }: Source): Instance | undefined {
    const instance = this.book.clearOverride(app, id, status)
    if (instance !== undefined && !replicated) this.#tell('DeleteStatusOverride', instance)
    return instance
  }

  addMetadata (app: string, id: string, entries: Iterable<readonly [string, string]>): Instance | undefined {
    const instance = this.book.addMetadata(app, id, entries)
    if (instance !== undefined) this.#tell('Register', instance)
    return instance
  }

  #tell (action: ReplicationAction, instance: Instance): void {
    if (this.#replicate === undefined) return
    const { app, id } = instance
    this.#replicate({ action, app, id, instance, state: this.book.copies.stateOf(app, id) })
  }
}
