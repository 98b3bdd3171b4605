import { stampsOf, type Facts } from './facts.ts'
import { keyParts } from './instance.ts'
import { timeOf } from './stamp.ts'
import type { InstanceState } from './state.ts'

/**
 * What is remembered of instances that are not there: that they were taken out, so that nobody who was away can bring
 * them back, and what was set on those whose leases ran out. Bounded in number and in time, oldest first.
 */
export class Buried {
  readonly #facts = new Map<string, Facts>()
  readonly #max: number
  readonly #keepMs: number

  constructor (max: number, keepMs: number) {
    this.#max = max
    this.#keepMs = keepMs
  }

  get size (): number {
    return this.#facts.size
  }

  get (key: string): Facts | undefined {
    return this.#facts.get(key)
  }

  states (): InstanceState[] {
    return [...this.#facts].map(([key, facts]) => {
      const [app, id] = keyParts(key)!
      return { app, id, facts, ageMs: 0 }
    })
  }

  bury (key: string, facts: Facts, nowMs: number): void {
    this.#facts.delete(key)
    if (this.#isOver(facts, nowMs)) return
    this.#facts.set(key, facts)
    if (this.#facts.size > this.#max) this.#facts.delete(this.#facts.keys().next().value!)
  }

  /** It is there again. */
  exhume (key: string): void {
    this.#facts.delete(key)
  }

  forget (nowMs: number): void {
    for (const [key, facts] of this.#facts) {
      if (!this.#isOver(facts, nowMs)) return
      this.#facts.delete(key)
    }
  }

  #isOver (facts: Facts, nowMs: number): boolean {
    return stampsOf(facts).every(stamp => timeOf(stamp) < nowMs - this.#keepMs)
  }
}
