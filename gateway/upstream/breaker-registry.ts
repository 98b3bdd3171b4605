/** The breakers of one worker by name: they outlive route tables, so a swap forgets no outage. */
import { OpossumBreaker, type BreakerListener } from './breaker.ts'
import type { BreakerSettings, BreakerSettingsTable } from './breaker-settings.ts'
import type { ClusterState } from './cluster.ts'

export class BreakerRegistry {
  readonly #breakers = new Map<string, OpossumBreaker>()
  /** Which breakers stand in front of a cluster, to let them try when it recovers. */
  readonly #byCluster = new Map<string, Set<string>>()
  readonly #now: () => number
  readonly #listener: BreakerListener

  constructor (now: () => number, listener: BreakerListener) {
    this.#now = now
    this.#listener = listener
  }

  /** The one of that name; a new one when its settings changed. */
  breaker (name: string, table: BreakerSettingsTable): OpossumBreaker {
    const settings = table.instances[name] ?? table.default
    const known = this.#breakers.get(name)
    if (known !== undefined && same(known.settings, settings)) return known
    known?.stop()
    const breaker = new OpossumBreaker(name, settings, this.#now, this.#listener)
    this.#breakers.set(name, breaker)
    return breaker
  }

  get all (): Iterable<OpossumBreaker> {
    return this.#breakers.values()
  }

  get (name: string): OpossumBreaker | undefined {
    return this.#breakers.get(name)
  }

  link (cluster: string, breaker: string): void {
    const names = this.#byCluster.get(cluster) ?? new Set()
    this.#byCluster.set(cluster, names.add(breaker))
  }

  /** An instance of the cluster came back: its open breakers need not sit out their wait. */
  recovered (cluster: ClusterState): void {
    for (const name of this.#byCluster.get(cluster.name) ?? []) this.#breakers.get(name)?.tryNow()
  }

  /** Forgets those that no route of the new table names. */
  retain (names: ReadonlySet<string>): void {
    for (const [name, breaker] of this.#breakers) {
      if (names.has(name)) continue
      breaker.stop()
      this.#breakers.delete(name)
    }
    for (const linked of this.#byCluster.values()) for (const name of linked) if (!names.has(name)) linked.delete(name)
  }

  stop (): void {
    for (const breaker of this.#breakers.values()) breaker.stop()
  }
}

function same (a: BreakerSettings, b: BreakerSettings): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
