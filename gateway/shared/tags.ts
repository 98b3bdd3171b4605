/** Names as numbers of 64 bits, by which slots of shared tables are told apart. */
import { hash, randomBytes } from 'node:crypto'

export interface Tag {
  /** Never 0n, which is nobody's. */
  readonly bits: bigint
  /** Independent of `bits`: where to look first. */
  readonly place: number
}

/** Names seen lately need no hashing: it takes microseconds, and the same callers come again and again. */
const REMEMBERED = 10_000

/** The same in all loops and known to nobody else, or callers could choose to share a slot with others. */
const SECRET_BYTES = 32

export class Tags {
  /** 64-bit words at the head of a table, for the secret. */
  static readonly words = SECRET_BYTES / 8
  readonly #secret: string
  readonly #known = new Map<string, Tag>()

  /** By the secret at the head of a table that `makeTable` made. */
  constructor (table: SharedArrayBuffer) {
    this.#secret = Buffer.from(new Uint8Array(table, 0, SECRET_BYTES)).toString('hex')
  }

  /** A table of so many bytes behind a new secret. */
  static makeTable (bytes: number): SharedArrayBuffer {
    const table = new SharedArrayBuffer(SECRET_BYTES + bytes)
    new Uint8Array(table).set(randomBytes(SECRET_BYTES))
    return table
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
