/**
 * How many connections each address has, over all event loops: a table of fixed size in shared memory. Whose slot it is
 * and the count are one 64-bit cell, so that a slot without connections can go to another address at any moment.
 * Beside it each loop keeps what it has of each slot, to be given back when it dies.
 */
import type { LoopPlace } from './shared-cells.ts'
import { Tags } from './tags.ts'

/** Slots that one address may be in; a fourth of them are in use at most where the number of connections is bounded. */
const WAYS = 64
const COUNT_BITS = 20n
const COUNT = (1n << COUNT_BITS) - 1n
const HEAD = Tags.words
/** Slots where connections are not bounded. */
const MANY = 262_144

export class AddressTable {
  readonly #slots: BigInt64Array
  /** Of each loop, one after the other. */
  readonly #shares: Int32Array
  readonly #size: number
  readonly #place: LoopPlace
  readonly #tags: Tags

  constructor (buffer: SharedArrayBuffer, place: LoopPlace) {
    const size = (buffer.byteLength - 8 * HEAD) / (8 + 4 * place.count)
    this.#size = size
    this.#place = place
    this.#slots = new BigInt64Array(buffer, 0, HEAD + size)
    this.#shares = new Int32Array(buffer, 8 * (HEAD + size))
    this.#tags = new Tags(buffer)
  }

  /** For `maxConnections` at once; 0 = no limit. */
  static make (maxConnections: number, { count }: LoopPlace): SharedArrayBuffer {
    const wanted = maxConnections > 0 ? Math.min(MANY, 4 * maxConnections) : MANY
    const size = Math.ceil(wanted / WAYS) * WAYS
    return Tags.makeTable(size * (8 + 4 * count))
  }

  /** The slot to leave again; undefined when the address has `limit` connections, or no slot is left. */
  enter (address: string, limit: number): number | undefined {
    const { bits, place } = this.#tags.of(address)
    const owner = bits & ~COUNT
    const most = BigInt(Math.min(limit, Number(COUNT)))
    for (;;) {
      const slot = this.#slotOf(owner, place)
      if (slot === undefined) return undefined
      const now = Atomics.load(this.#slots, slot)
      const isFree = (now & COUNT) === 0n
      if (!isFree && (now & ~COUNT) !== owner) continue
      if (!isFree && (now & COUNT) >= most) return undefined
      const next = isFree ? owner | 1n : now + 1n
      if (Atomics.compareExchange(this.#slots, slot, now, next) !== now) continue
      Atomics.add(this.#shares, this.#share(slot, this.#place.index), 1)
      // Another loop may have found a slot before it free in the same moment: an address has one.
      if (!isFree || this.#slotOf(owner, place) === slot) return slot
      this.leave(slot)
    }
  }

  leave (slot: number): void {
    Atomics.sub(this.#shares, this.#share(slot, this.#place.index), 1)
    Atomics.sub(this.#slots, slot, 1n)
  }

  /** The loop at `index` has ended. */
  giveBack (index: number): void {
    for (let slot = HEAD; slot < HEAD + this.#size; slot++) {
      const share = Atomics.exchange(this.#shares, this.#share(slot, index), 0)
      if (share > 0) Atomics.sub(this.#slots, slot, BigInt(share))
    }
  }

  /** The address's own, else the first free one behind its place. */
  #slotOf (owner: bigint, place: number): number | undefined {
    let free: number | undefined = undefined
    for (let way = 0; way < WAYS; way++) {
      const slot = HEAD + (place + way) % this.#size
      const now = Atomics.load(this.#slots, slot)
      if ((now & COUNT) === 0n) free ??= slot
      else if ((now & ~COUNT) === owner) return slot
    }
    return free
  }

  #share (slot: number, index: number): number {
    return index * this.#size + slot - HEAD
  }
}
