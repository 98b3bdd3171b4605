/** The breakers by name, as one event loop holds them: they outlive route tables, so a swap forgets no outage. */
import { OpossumBreaker, type BreakerListener } from './breaker.ts'
import type { LoopPlace, SharedCells } from '../shared/shared-cells.ts'
import { BreakerCells } from './breaker-cells.ts'
import type { BreakerSettingsTable } from './breaker-settings.ts'
import type { ClusterState } from './cluster.ts'

export class BreakerRegistry {
  readonly #breakers = new Map<string, { readonly id: string, readonly breaker: OpossumBreaker }>()
  /** Which breakers stand in front of a cluster, to let them try when it recovers. */
  readonly #byCluster = new Map<string, Set<string>>()
  readonly #cells: SharedCells
  readonly #place: LoopPlace
  readonly #now: () => number
  readonly #listener: BreakerListener

  constructor (cells: SharedCells, place: LoopPlace, now: () => number, listener: BreakerListener) {
    this.#cells = cells
    this.#place = place
    this.#now = now
    this.#listener = listener
  }

  /** The one of that name; a new one when its settings changed. */
  breaker (name: string, table: BreakerSettingsTable): OpossumBreaker {
    const settings = table.instances[name] ?? table.default
    const { id, buffer } = this.#cells.of(`breaker ${JSON.stringify([name, settings])}`,
      () => BreakerCells.make(settings, this.#place))
    const known = this.#breakers.get(name)
    if (known?.id === id) return known.breaker
    known?.breaker.stop()
    const breaker = new OpossumBreaker(name, settings, buffer, this.#place, this.#now, this.#listener)
    this.#breakers.set(name, { id, breaker })
    return breaker
  }

  get all (): readonly OpossumBreaker[] {
    return [...this.#breakers.values()].map(one => one.breaker)
  }

  get (name: string): OpossumBreaker | undefined {
    return this.#breakers.get(name)?.breaker
  }

  link (cluster: string, breaker: string): void {
    const names = this.#byCluster.get(cluster) ?? new Set()
    this.#byCluster.set(cluster, names.add(breaker))
  }

  /** An instance of the cluster came back: its open breakers need not sit out their wait. */
  recovered (cluster: ClusterState): void {
    for (const name of this.#byCluster.get(cluster.name) ?? []) this.get(name)?.tryNow()
  }

  /** Forgets those that no route of the new table names. */
  retain (names: ReadonlySet<string>): void {
    for (const [name, { breaker }] of this.#breakers) {
      if (names.has(name)) continue
      breaker.stop()
      this.#breakers.delete(name)
    }
    for (const linked of this.#byCluster.values()) for (const name of linked) if (!names.has(name)) linked.delete(name)
  }

  stop (): void {
    for (const breaker of this.all) breaker.stop()
  }
}
