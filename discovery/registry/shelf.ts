import { ChangeLog } from './change-log.ts'
import type { Action, Instance } from './instance.ts'
import type { Lease } from './lease.ts'
import { StatusCounter } from './status.ts'
import { VipIndex } from './vips.ts'

/** The instances of one application. `version` changes with every change to any of them. */
export interface Application {
  readonly name: string
  readonly leases: Map<string, Lease>
  version: number
}

/** Where the leases stand: by application and id, by virtual address, counted by status, with a log of what changed. */
export class Shelf {
  readonly apps = new Map<string, Application>()
  readonly log: ChangeLog
  readonly statuses = new StatusCounter()
  readonly vips = new VipIndex('vipAddress')
  readonly secureVips = new VipIndex('secureVipAddress')
  /** Called after every change. */
  onChange: (instance: Instance) => void = () => {}
  size = 0
  readonly #now: () => number

  constructor (now: () => number, maxRemoved: number) {
    this.#now = now
    this.log = new ChangeLog(maxRemoved)
  }

  * leases (): Generator<Lease> {
    for (const app of this.apps.values()) yield * app.leases.values()
  }

  lease (app: string, id: string): Lease | undefined {
    return this.apps.get(app)?.leases.get(id)
  }

  /** A place for an instance that is to be `put` next. */
  open (lease: Lease): Lease {
    const { app: name, id } = lease.instance
    let app = this.apps.get(name)
    if (app === undefined) this.apps.set(name, app = { name, leases: new Map(), version: 0 })
    app.leases.set(id, lease)
    this.size++
    this.#index(lease, 1)
    return lease
  }

  put (lease: Lease, next: Instance, action: Action): Instance {
    this.#index(lease, -1)
    lease.instance = this.#stamp(next, lease, action)
    this.#index(lease, 1)
    return this.#record(lease.key, lease.instance)
  }

  remove (lease: Lease): Instance {
    const { app: name, id } = lease.instance
    const app = this.apps.get(name)
    app?.leases.delete(id)
    if (app?.leases.size === 0) this.apps.delete(name)
    this.size--
    this.#index(lease, -1)
    return this.#record(lease.key, this.#stamp(lease.instance, lease, 'DELETED'))
  }

  #stamp (instance: Instance, lease: Lease, action: Action): Instance {
    const now = this.#now()
    const evictedAt = action === 'DELETED' ? now : 0
    const info = { ...instance.lease, renewedAt: lease.renewedAt, evictedAt }
    return { ...instance, action, lastUpdatedAt: now, lease: info }
  }

  #record (key: string, instance: Instance): Instance {
    const { n } = this.log.append(instance, this.#now(), key)
    const app = this.apps.get(instance.app)
    if (app !== undefined) app.version = n
    this.onChange(instance)
    return instance
  }

  #index (lease: Lease, by: 1 | -1): void {
    this.statuses.add(lease.instance.status, by)
    const verb = by === 1 ? 'add' : 'remove'
    this.vips[verb](lease)
    this.secureVips[verb](lease)
  }
}
