/** A Java regular expression, parsed: everything that has a name of its own in Java is a set of code points here. */
import type { CodePoints } from './code-points.ts'

export type Tree =
  | { readonly kind: 'set', readonly set: CodePoints }
  | { readonly kind: 'sequence', readonly items: readonly Tree[] }
  | { readonly kind: 'choice', readonly items: readonly Tree[] }
  /** `group` 0: it captures nothing. */
  | { readonly kind: 'group', readonly group: number, readonly body: Tree }
  | { readonly kind: 'repeat', readonly min: number, readonly max: number, readonly lazy: boolean, readonly body: Tree }
  /** `(?>X)` and, of a repeat, `X*+`: what it took it does not give back. */
  | { readonly kind: 'atomic', readonly body: Tree }
  | { readonly kind: 'look', readonly ahead: boolean, readonly negative: boolean, readonly body: Tree }
  | { readonly kind: 'reference', readonly group: number }
  | { readonly kind: 'edge', readonly edge: Edge }

/** Of the text, of a line, of a word. */
export type Edge = 'start' | 'end' | 'line-start' | 'line-end' | 'word' | 'no-word'

export interface Parsed {
  readonly tree: Tree
  /** Without group 0. */
  readonly groups: number
  readonly names: ReadonlyMap<string, number>
}

export function childrenOf (tree: Tree): readonly Tree[] {
  if (tree.kind === 'sequence' || tree.kind === 'choice') return tree.items
  return 'body' in tree ? [tree.body] : []
}

export function mayBeEmpty (tree: Tree): boolean {
  switch (tree.kind) {
    case 'set': return false
    case 'sequence': return tree.items.every(mayBeEmpty)
    case 'choice': return tree.items.some(mayBeEmpty)
    case 'repeat': return tree.min === 0 || mayBeEmpty(tree.body)
    case 'group': case 'atomic': return mayBeEmpty(tree.body)
    default: return true
  }
}
