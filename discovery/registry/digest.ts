import { stampsOf, type Facts } from './facts.ts'
import { formatStamp } from './stamp.ts'

/** Two peers that differ in few instances shall have to list few: each bucket holds a 256th of them. */
export const BUCKETS = 256

/** What two peers compare, one number a bucket: it depends on which facts there are of whom, not on their order. */
export class Digests {
  readonly #sums = new Float64Array(BUCKETS)
  readonly #members = Array.from({ length: BUCKETS }, () => new Map<string, number>())

  /** The number of each bucket. */
  get sums (): readonly number[] {
    return [...this.#sums]
  }

  /** Which instances a bucket holds, by key, each with the digest of its facts. */
  members (bucket: number): ReadonlyMap<string, number> {
    return this.#members[bucket]!
  }

  set (key: string, facts: Facts): void {
    this.delete(key)
    const bucket = bucketOf(key)
    const digest = digestOf(key, facts)
    this.#members[bucket]!.set(key, digest)
    this.#sums[bucket] = (this.#sums[bucket]! + digest) % MODULUS
  }

  delete (key: string): void {
    const bucket = bucketOf(key)
    const digest = this.#members[bucket]!.get(key)
    if (digest === undefined) return
    this.#members[bucket]!.delete(key)
    this.#sums[bucket] = (this.#sums[bucket]! - digest + MODULUS) % MODULUS
  }
}

const MODULUS = 2 ** 52

export function bucketOf (key: string): number {
  return hash(key) % BUCKETS
}

/** Which facts there are, told by their stamps: nobody says two things in one tick. */
function digestOf (key: string, facts: Facts): number {
  const text = `${key}\n${stampsOf(facts).map(formatStamp).sort().join()}`
  return hash(text) * 2 ** 20 + hash(`${text}\n`) % 2 ** 20
}

/** Not linear, unlike a CRC: two instances that exchange their stamps must not add up to the same. 32 bits. */
function hash (text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
    h ^= h >>> 15
  }
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
