/** What recorded answers of Spring are good for: every difference is listed, and every entry of the lists is met. */
import type { Test } from 'tap'
import { tally, type Listed } from '../spring/tally.ts'

const SHOWN = 10

export interface Lists<D> {
  /** Meant. */
  readonly differences: ReadonlyArray<Listed<D>>
  /** Not mended yet. */
  readonly faults: ReadonlyArray<Listed<D>>
}

export function judge<D> (
  t: Test, found: readonly D[], { differences, faults }: Lists<D>, show: (difference: D) => string
): void {
  const { counts, unlisted } = tally(found, [...differences, ...faults])
  for (const difference of unlisted.slice(0, SHOWN)) t.fail(`a difference that is not listed\n${show(difference)}`)
  t.equal(unlisted.length, 0, 'every other answer is the same')
  for (const [{ name }, count] of counts) {
    t.comment(`${String(count).padStart(5)} ${name}`)
    t.not(count, 0, `"${name}" is met; what is met no more is taken out of the list`)
  }
  for (const { name, reason } of faults) t.comment(`KNOWN FAULT, not mended: ${name}. ${reason}`)
}
