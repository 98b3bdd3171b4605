/** The groups of Weight predicates of one table. */
import type { Exchange } from '../exchange.ts'

export class WeightGroups {
  readonly #groups = new Map<string, WeightGroup>()
  readonly #random: () => number

  constructor (random: () => number) {
    this.#random = random
  }

  /** Adds a route; the group is complete when the table is. */
  join (name: string, routeId: string, weight: number): WeightGroup {
    let group = this.#groups.get(name)
    if (group === undefined) this.#groups.set(name, group = new WeightGroup(this.#random))
    group.add(routeId, weight)
    return group
  }
}

class WeightGroup {
  readonly #ids: string[] = []
  readonly #sums: number[] = []
  readonly #random: () => number
  #request = ''
  #choice: string | undefined

  constructor (random: () => number) {
    this.#random = random
  }

  add (routeId: string, weight: number): void {
    this.#ids.push(routeId)
    this.#sums.push((this.#sums.at(-1) ?? 0) + weight)
  }

  /** A match never waits, so remembering the request being matched is enough to draw once per request. */
  drawn (x: Exchange): string | undefined {
    if (x.requestId !== this.#request) {
      this.#request = x.requestId
      const point = this.#random() * (this.#sums.at(-1) ?? 0)
      this.#choice = this.#ids[this.#sums.findIndex(sum => point < sum)]
    }
    return this.#choice
  }
}
