import { Payloads } from '../eureka/payloads.ts'
import type { Book } from '../registry/book.ts'
import type { Instance } from '../registry/instance.ts'
import type { Lease } from '../registry/lease.ts'
import type { ListedApplication } from '../registry/listing.ts'
import type { RemoteRegion } from './remote-region.ts'
import { Union, type Source, type UnionRules } from './union.ts'

/** This registry's own part in the lists. */
export interface Local {
  readonly book: Book
  readonly payloads: Payloads
}

export interface RegionsRules extends Omit<UnionRules, 'firstOnly'> {
  /** Whether what is absent here is looked for in the other regions without being asked for. */
  readonly fallback: boolean
}

interface View {
  readonly union: Union
  readonly payloads: Payloads
}

/**
 * Which registries a list is made from. `regions=a,b` adds those of these regions that are known; without it an
 * application that nobody has here comes from the first region that has it. Another registry gets this one's own list
 * alone: two that showed each other what they had from each other would keep the dead alive for ever.
 */
export class Regions {
  readonly #local: Local
  readonly #remotes: readonly RemoteRegion[]
  readonly #rules: RegionsRules
  readonly #views = new Map<string, View>()

  constructor (local: Local, remotes: readonly RemoteRegion[], rules: RegionsRules) {
    this.#local = local
    this.#remotes = remotes
    this.#rules = rules
  }

  get remotes (): readonly RemoteRegion[] {
    return this.#remotes
  }

  /** The lists for a request; undefined while one of the regions that it names has not answered yet. */
  lists (names: string | undefined, fromRegistry: boolean): Payloads | undefined {
    if (names === undefined) return fromRegistry ? this.#local.payloads : this.#fallbackLists()
    const wanted = new Set(names.toLowerCase().split(','))
    const regions = this.#remotes.filter(remote => wanted.has(remote.name))
    if (regions.length === 0) return this.#local.payloads
    if (!regions.every(region => region.isReady)) return undefined
    return this.#view(regions.map(region => region.name).join(','), regions, false)
  }

  application (name: string): ListedApplication | undefined {
    return this.#local.book.apps.get(name) ??
      this.#elsewhere(({ book, allows }) => allows(name) ? book.apps.get(name) : undefined)
  }

  instance (app: string, id: string): Lease | undefined {
    return this.#local.book.find(app, id) ??
      this.#elsewhere(({ book, allows }) => allows(app) ? book.lease(app, id) : undefined)
  }

  instanceById (id: string): Lease | undefined {
    return this.#local.book.findById(id) ?? this.#elsewhere(({ book, allows }) => {
      const lease = book.findById(id)
      return lease !== undefined && allows(lease.instance.app) ? lease : undefined
    })
  }

  /** The instances behind a virtual address, of another region for want of own ones. */
  byVip (field: 'vips' | 'secureVips', vip: string): Instance[] {
    const own = this.#local.book[field].get(vip)
    if (own.length > 0) return own
    return this.#elsewhere(({ book, allows }) => {
      const there = book[field].get(vip).filter(instance => allows(instance.app))
      return there.length > 0 ? there : undefined
    }) ?? []
  }

  async start (): Promise<void> {
    await Promise.all(this.#remotes.map(remote => remote.start()))
  }

  stop (): void {
    for (const remote of this.#remotes) remote.stop()
  }

  #fallbackLists (): Payloads {
    if (!this.#rules.fallback || this.#remotes.length === 0) return this.#local.payloads
    return this.#view('', this.#remotes, true)
  }

  /** One view for each set of regions that was asked for; a few regions have few subsets. */
  #view (key: string, remotes: readonly Source[], firstOnly: boolean): Payloads {
    let view = this.#views.get(key)
    if (view === undefined) {
      const own: Source = { book: this.#local.book, allows: () => true }
      const union = new Union([own, ...remotes], { ...this.#rules, firstOnly })
      this.#views.set(key, view = { union, payloads: new Payloads(union, () => performance.now()) })
    }
    view.union.refresh()
    return view.payloads
  }

  /** What the first region has that has it at all. */
  #elsewhere<T> (look: (source: Source) => T | undefined): T | undefined {
    if (!this.#rules.fallback) return undefined
    for (const remote of this.#remotes) {
      const found = look(remote)
      if (found !== undefined) return found
    }
    return undefined
  }
}
