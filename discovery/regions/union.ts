import type { Book } from '../registry/book.ts'
import { ChangeLog, type Change } from '../registry/change-log.ts'
import type { Instance } from '../registry/instance.ts'
import type { Listing } from '../registry/listing.ts'
import { StatusCounter } from '../registry/status.ts'

/** A registry's book, and which of its applications others get to see. */
export interface Source {
  readonly book: Book
  readonly allows: (app: string) => boolean
}

export interface UnionRules {
  readonly now: () => number
  /** How far back Eureka's delta reaches. */
  readonly deltaMs: number
  readonly maxRemoved: number
  /** Whether an application is taken from the first source alone that has it, instead of from all. */
  readonly firstOnly: boolean
}

interface Merged {
  readonly name: string
  readonly leases: Map<string, { readonly instance: Instance }>
  version: number
}

/**
 * Several books as one list with a log of its own: what its readers see change is not what changes in any one of the
 * books (an application that comes up here makes those of the other regions disappear), and a delta that is not
 * exactly the difference of two lists has every client fetch everything.
 */
export class Union implements Listing {
  readonly apps = new Map<string, Merged>()
  readonly statuses = new StatusCounter()
  readonly log: ChangeLog
  readonly startedAt: number
  size = 0
  readonly #sources: readonly Source[]
  readonly #rules: UnionRules
  /** How far each source's log was read; -1: never. */
  readonly #seen: number[]

  constructor (sources: readonly Source[], rules: UnionRules) {
    this.#sources = sources
    this.#rules = rules
    this.#seen = sources.map(() => -1)
    this.log = new ChangeLog(rules.maxRemoved)
    this.startedAt = rules.now()
  }

  /** Takes in what changed in the books since the last time; costs as much as did. */
  refresh (): this {
    const names = new Set<string>()
    for (const [i, { book }] of this.#sources.entries()) {
      for (const name of this.#changedIn(book, this.#seen[i]!)) names.add(name)
      this.#seen[i] = book.log.n
    }
    for (const name of names) this.#merge(name)
    this.log.forget(this.#rules.now() - this.#rules.deltaMs)
    return this
  }

  delta (): Change[] | undefined {
    return this.log.sinceTime(this.#rules.now() - this.#rules.deltaMs)
  }

  #changedIn (book: Book, seen: number): string[] {
    return book.log.since(seen)?.map(change => change.instance.app) ?? [...this.apps.keys(), ...book.apps.keys()]
  }

  #merge (name: string): void {
    const wanted = this.#wanted(name)
    let app = this.apps.get(name)
    for (const [id, { instance }] of app?.leases ?? []) if (!wanted.has(id)) this.#remove(app!, id, instance)
    if (wanted.size === 0) {
      this.apps.delete(name)
      return
    }
    if (app === undefined) this.apps.set(name, app = { name, leases: new Map(), version: 0 })
    for (const [id, instance] of wanted) if (app.leases.get(id)?.instance !== instance) this.#put(app, id, instance)
  }

  /** Of two copies of one instance that of the earlier source counts: this registry's own comes first. */
  #wanted (name: string): Map<string, Instance> {
    const wanted = new Map<string, Instance>()
    for (const { book, allows } of this.#sources) {
      if (this.#rules.firstOnly && wanted.size > 0) break
      const leases = allows(name) ? book.apps.get(name)?.leases : undefined
      for (const [id, { instance }] of leases ?? []) if (!wanted.has(id)) wanted.set(id, instance)
    }
    return wanted
  }

  #put (app: Merged, id: string, instance: Instance): void {
    const before = app.leases.get(id)?.instance
    if (before === undefined) this.size++
    else this.statuses.add(before.status, -1)
    this.statuses.add(instance.status, 1)
    app.leases.set(id, { instance })
    app.version = this.log.append(instance, this.#rules.now()).n
  }

  #remove (app: Merged, id: string, instance: Instance): void {
    const now = this.#rules.now()
    app.leases.delete(id)
    this.size--
    this.statuses.add(instance.status, -1)
    const lease = { ...instance.lease, evictedAt: now }
    app.version = this.log.append({ ...instance, action: 'DELETED', lastUpdatedAt: now, lease }, now).n
  }
}
