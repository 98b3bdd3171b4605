/**
 * Each value has a checksum before it, over its key and its text; the file has the sum of all of them, and how many
 * there are, written with each commit. So a value that was altered, an entry that is missing and an old page that came
 * back are seen, each by itself or all in all.
 */
import { crc32 } from 'node:zlib'

/** Where the sums are kept. */
export const SUMS = 'sums'
const DIGITS = 8
/** Sums wrap, well within what numbers keep. */
const WRAP = 2 ** 48

export interface Sums {
  readonly entries: number
  readonly sum: number
}

export const NOTHING: Sums = { entries: 0, sum: 0 }

/** Puts the checksum before the text. */
export function seal (key: string, text: string): string {
  return checksum(key, text).toString(16).padStart(DIGITS, '0') + text
}

/** The text, or undefined when it is not what was sealed. */
export function unseal (key: string, sealed: string): string | undefined {
  const text = sealed.slice(DIGITS)
  return checksumOf(sealed) === checksum(key, text) ? text : undefined
}

/** The checksum that a sealed value has, right or wrong. */
export function checksumOf (sealed: string): number {
  return Number(`0x${sealed.slice(0, DIGITS)}`)
}

/** The sums without one sealed value, and with another. */
export function replaced ({ entries, sum }: Sums, before: string | undefined, after: string | undefined): Sums {
  const change = (after === undefined ? 0 : checksumOf(after)) - (before === undefined ? 0 : checksumOf(before))
  return {
    entries: entries + (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1),
    sum: (sum + change + WRAP) % WRAP
  }
}

function checksum (key: string, text: string): number {
  // The key may be of any kind of characters; joined to it, the text would be copied.
  return crc32(text, crc32(`${key}\u0000`))
}
