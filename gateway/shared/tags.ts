/** Names as numbers of 64 bits, by which slots of shared tables are told apart. */
import { hash } from 'node:crypto'

export interface Tag {
  /** Never 0n, which is nobody's. */
  readonly bits: bigint
  /** Independent of `bits`: where to look first. */
  readonly place: number
}

/** Names seen lately need no hashing: it takes microseconds, and the same callers come again and again. */
const REMEMBERED = 10_000

export class Tags {
  readonly #secret: string
  readonly #known = new Map<string, Tag>()

  /** `secret`: the same in all loops and known to nobody else, or callers could choose to share a slot with others. */
  constructor (secret: string) {
    this.#secret = secret
  }

  of (name: string): Tag {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const digest = hash('sha256', this.#secret + name, 'buffer')
    const tag = { bits: digest.readBigInt64LE(0) | 1n, place: digest.readUInt32LE(8) }
    if (this.#known.size >= REMEMBERED) this.#known.clear()
    this.#known.set(name, tag)
    return tag
  }
}
