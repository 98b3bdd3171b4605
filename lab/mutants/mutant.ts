/** A small fault of meaning, put into a copy of the product to see whether anybody notices. */

export interface Mutant {
  /** Unique, and short enough to be named on the command line. */
  readonly id: string
  readonly package: 'config-server' | 'discovery' | 'gateway' | 'messaging' | 'samples' | 'starter'
  /** What is no longer true with it. */
  readonly breaks: string
  readonly file: string
  /** Stands in the file exactly once. */
  readonly from: string
  readonly to: string
  /** Who must notice: test files, or commands from the checkout's root that begin with `node`. */
  readonly seenBy: readonly string[]
}

export type Fate =
  /** Somebody went red. */
  | { readonly kind: 'caught', readonly by: string }
  | { readonly kind: 'survived' }
  /** Its text is not in the file any more: whoever changed the file must say what it is now. */
  | { readonly kind: 'lost', readonly why: string }

/** Throws when the text is not there exactly once. */
export function mutate (text: string, { id, file, from, to }: Mutant): string {
  const at = text.indexOf(from)
  if (at < 0) throw new Error(`${id}: ${file} does not say ${JSON.stringify(from)}`)
  if (text.includes(from, at + 1)) throw new Error(`${id}: ${file} says ${JSON.stringify(from)} more than once`)
  return text.slice(0, at) + to + text.slice(at + from.length)
}
