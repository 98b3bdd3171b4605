/** At most so many exchanges in flight in the whole gateway; the next one is refused with 503, not queued. */
import { LoopCounter } from '../shared/loop-counter.ts'
import type { LoopPlace, SharedCells } from '../shared/shared-cells.ts'
import { AdaptiveLimit, type AdaptiveLimitOptions } from './adaptive-limit.ts'
import type { Bulkhead } from './upstream.ts'

export class CountingBulkhead implements Bulkhead {
  readonly kind = 'fixed'
  readonly limit: number
  /** By this event loop. */
  refused = 0
  /** Told of every refusal, for the breaker's statistics. */
  onRefused: () => void = () => {}
  readonly #counter: LoopCounter

  constructor (limit: number, counter: LoopCounter) {
    this.limit = limit
    this.#counter = counter
  }

  /** In flight now, over all event loops. */
  get active (): number {
    return this.#counter.total
  }

  enter (): boolean {
    if (this.#counter.enter(this.limit)) return true
    this.refused++
    this.onRefused()
    return false
  }

  leave (): void {
    this.#counter.leave()
  }

  /** A fixed limit learns nothing. */
  observe (): void {}

  /** The event loop at that place has ended. */
  giveBack (index: number): void {
    this.#counter.giveBack(index)
  }
}

export type AnyBulkhead = CountingBulkhead | AdaptiveLimit

/** `id` of the cells that it counts in. */
interface Known<T> {
  readonly id: string
  readonly one: T
}

/** Bulkheads by name: they outlive route tables, so a swap lets nobody in twice and forgets nothing that was learnt. */
export class Bulkheads {
  readonly #fixed = new Map<string, Known<CountingBulkhead>>()
  readonly #adaptive = new Map<string, Known<AdaptiveLimit>>()
  readonly #cells: SharedCells
  readonly #place: LoopPlace

  constructor (cells: SharedCells, place: LoopPlace) {
    this.#cells = cells
    this.#place = place
  }

  /** Whoever is in flight counts on when the limit changes. */
  fixed (name: string, limit: number): CountingBulkhead {
    const { id, buffer } = this.#cells.of(`bulkhead ${name}`, () => new SharedArrayBuffer(4 * LoopCounter.size(this.#place)))
    const known = this.#fixed.get(name)
    if (known?.id === id && known.one.limit === limit) return known.one
    const one = new CountingBulkhead(limit, new LoopCounter(new Int32Array(buffer), this.#place))
    this.#fixed.set(name, { id, one })
    return one
  }

  adaptive (name: string, options: AdaptiveLimitOptions): AdaptiveLimit {
    const { id, buffer } = this.#cells.of(`adaptive ${name}`, () => AdaptiveLimit.make(options, this.#place))
    const known = this.#adaptive.get(name)
    const one = known?.id === id ? known.one : new AdaptiveLimit(options, buffer, this.#place)
    one.options = options
    this.#adaptive.set(name, { id, one })
    return one
  }

  /** What stands in front of the breaker of that name. */
  get (name: string): AnyBulkhead | undefined {
    return (this.#adaptive.get(name) ?? this.#fixed.get(name))?.one
  }

  get all (): ReadonlyArray<readonly [name: string, bulkhead: AnyBulkhead]> {
    return [...this.#fixed, ...this.#adaptive].map(([name, { one }]) => [name, one])
  }

  /** Forgets those that no route of the new table has. */
  retain (used: ReadonlySet<unknown>): void {
    for (const [name, { one }] of this.#fixed) if (!used.has(one)) this.#fixed.delete(name)
    for (const [name, { one }] of this.#adaptive) if (!used.has(one)) this.#adaptive.delete(name)
  }
}
