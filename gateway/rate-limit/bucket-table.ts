/**
 * Token buckets of all event loops: a table of fixed size in shared memory. A bucket is one 64-bit cell, the time at
 * which it will be full again (GCRA), so that taking from it is one compare-exchange.
 *
 * A bucket that is full again is as good as none, so its slot is free for the next key. When a key finds no free slot
 * the bucket next to full gives way, which gives that caller a full one again.
 */
import { Tags, type Tag } from '../shared/tags.ts'

/** Slots that one key may be in. */
const WAYS = 8
const SETS = 16_384
/** 64-bit words: whose bucket it is, when it is full again. */
const SLOT = 2
const HEAD = Tags.words
/** Rates that do not divide a second are rounded to nanoseconds, which must not cost a whole token. */
const HAIR_NS = 1_000

export class BucketTable {
  readonly #slots: BigInt64Array
  readonly #tags: Tags

  constructor (buffer: SharedArrayBuffer) {
    this.#slots = new BigInt64Array(buffer)
    this.#tags = new Tags(buffer)
  }

  static make (): SharedArrayBuffer {
    return Tags.makeTable(8 * SETS * WAYS * SLOT)
  }

  /**
   * Takes `costNs` from the bucket of `name`, which holds `depthNs`. What it lacks then to be full, or undefined when
   * there is not enough in it.
   */
  take (name: string, costNs: number, depthNs: number, nowNs: number): number | undefined {
    const tag = this.#tags.of(name)
    for (;;) {
      const slot = this.#slotOf(tag, nowNs)
      const fullAt = Atomics.load(this.#slots, slot + 1)
      const lacks = Math.max(0, Number(fullAt) - nowNs) + costNs
      if (lacks > depthNs + HAIR_NS) return undefined
      if (Atomics.compareExchange(this.#slots, slot + 1, fullAt, BigInt(Math.round(nowNs + lacks))) !== fullAt) continue
      // Somebody else's by now: the key is looked for again.
      if (Atomics.load(this.#slots, slot) === tag.bits) return lacks
    }
  }

  /** What the bucket lacks to be full; takes nothing. */
  lacking (name: string, nowNs: number): number {
    return Math.max(0, Number(Atomics.load(this.#slots, this.#slotOf(this.#tags.of(name), nowNs) + 1)) - nowNs)
  }

  #slotOf (tag: Tag, nowNs: number): number {
    const first = HEAD + (tag.place % SETS) * WAYS * SLOT
    for (;;) {
      for (let slot = first; slot < first + WAYS * SLOT; slot += SLOT) {
        if (Atomics.load(this.#slots, slot) === tag.bits) return slot
      }
      // Looked for again afterwards: another loop may have taken a slot for the same key before it.
      this.#claim(first, tag.bits, BigInt(Math.round(nowNs)))
    }
  }

  #claim (first: number, bits: bigint, nowNs: bigint): void {
    let chosen = first
    let fullest = Atomics.load(this.#slots, first + 1)
    for (let slot = first + SLOT; fullest > nowNs && slot < first + WAYS * SLOT; slot += SLOT) {
      const fullAt = Atomics.load(this.#slots, slot + 1)
      if (fullAt < fullest) [chosen, fullest] = [slot, fullAt]
    }
    const former = Atomics.load(this.#slots, chosen)
    if (fullest > nowNs && Atomics.compareExchange(this.#slots, chosen + 1, fullest, nowNs) !== fullest) return
    Atomics.compareExchange(this.#slots, chosen, former, bits)
  }
}
