/** Seeded randomness: the same seed gives the same numbers (mulberry32). */

export interface Random {
  /** From 0 up to, but not, 1. */
  next (this: void): number
  /** A whole number from 0 up to, but not, n. */
  below (n: number): number
  /** True with a probability of `p`. */
  chance (p: number): boolean
  pick<T> (items: readonly T[]): T
  /** A generator of its own, so that one part asking more changes nothing for another. */
  fork (name: string): Random
}

export function createRandom (seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return {
    next,
    below: n => Math.floor(next() * n),
    chance: p => next() < p,
    pick: items => items[Math.floor(next() * items.length)]!,
    fork: name => createRandom(Buffer.from(name).reduce((hash, byte) => Math.imul(hash ^ byte, 16777619), seed))
  }
}
