/** Which match is under way. Nothing of a request says it: what a client sends twice would be drawn once. */
interface Turn {
  n: number
}

/** The groups of Weight predicates of one table. */
export class WeightGroups {
  readonly #groups = new Map<string, WeightGroup>()
  readonly #turn: Turn = { n: 0 }
  readonly #random: () => number

  constructor (random: () => number) {
    this.#random = random
  }

  /** Another request is matched: each group is drawn anew. */
  begin (): void {
    this.#turn.n++
  }

  /** Adds a route; the group is complete when the table is. */
  join (name: string, routeId: string, weight: number): WeightGroup {
    let group = this.#groups.get(name)
    if (group === undefined) this.#groups.set(name, group = new WeightGroup(this.#random, this.#turn))
    group.add(routeId, weight)
    return group
  }
}

class WeightGroup {
  readonly #ids: string[] = []
  readonly #sums: number[] = []
  readonly #random: () => number
  readonly #turn: Turn
  #drawnIn = -1
  #choice: string | undefined

  constructor (random: () => number, turn: Turn) {
    this.#random = random
    this.#turn = turn
  }

  add (routeId: string, weight: number): void {
    this.#ids.push(routeId)
    this.#sums.push((this.#sums.at(-1) ?? 0) + weight)
  }

  /** A match never waits, so remembering which one it was for is enough to draw once per request. */
  drawn (): string | undefined {
    if (this.#drawnIn !== this.#turn.n) {
      this.#drawnIn = this.#turn.n
      const point = this.#random() * (this.#sums.at(-1) ?? 0)
      this.#choice = this.#ids[this.#sums.findIndex(sum => point < sum)]
    }
    return this.#choice
  }
}
