/**
 * Can a backtracking engine take more than linear time for a pattern? A rough question with a safe answer: "no" only
 * for patterns that are plainly simple, which those of routes nearly always are.
 *
 * Plainly simple is a row of items in which nothing long stands within a choice or another repetition, at most one
 * long repetition can end in several places, and, where a match may begin anywhere, none begins within another.
 */
import { ALL, complement, meet, NONE, union, type CodePoints } from './code-points.ts'
import { childrenOf, mayBeEmpty, type Tree } from './tree.ts'

/** More repetitions than this are as good as endless. */
const LONG = 16
/** Ways to match that short repetitions and choices may multiply to. */
const MOST_WAYS = 1_000

interface Item {
  /** What its first character may be. */
  readonly set: CodePoints
  readonly isLong: boolean
  readonly isOptional: boolean
  /** It does not give back what it took. */
  readonly keeps: boolean
}

/** `anywhere`: matches are looked for, as by `replaceAll`, not compared with the whole text. */
export function mayExplode (tree: Tree, anywhere: boolean): boolean {
  const row: Item[] = []
  if (ways(tree) > MOST_WAYS) return true
  if (!holdsLong(tree)) return false
  if (!flatten(tree, row)) return true
  return runsAgain(row) || (anywhere && !isAnchored(tree) && restarts(row))
}

const SHORT = { isLong: false, keeps: false } as const

/** False when something long stands where this does not look. */
function flatten (tree: Tree, row: Item[]): boolean {
  switch (tree.kind) {
    case 'sequence': return tree.items.every(item => flatten(item, row))
    case 'group': return flatten(tree.body, row)
    case 'edge': return row.push({ ...SHORT, set: NONE, isOptional: true }) > 0
    case 'repeat': return repeated(tree, row, false)
    case 'atomic': return tree.body.kind === 'repeat' ? repeated(tree.body, row, true) : short(tree, row)
    case 'look': return looked(tree, row)
    default: return short(tree, row)
  }
}

function repeated (tree: Extract<Tree, { kind: 'repeat' }>, row: Item[], keeps: boolean): boolean {
  if (tree.max <= LONG) return short(tree, row)
  if (tree.body.kind !== 'set') return false
  return row.push({ set: tree.body.set, isLong: true, isOptional: tree.min === 0, keeps }) > 0
}

/** Before everything long it looks once. */
function looked ({ body }: Extract<Tree, { kind: 'look' }>, row: Item[]): boolean {
  if (holdsLong(body) && (row.some(item => item.isLong) || mayExplode(body, false))) return false
  return row.push({ ...SHORT, set: NONE, isOptional: true }) > 0
}

function short (tree: Tree, row: Item[]): boolean {
  if (holdsLong(tree) || tree.kind === 'reference') return false
  return row.push({ ...SHORT, set: firstOf(tree), isOptional: mayBeEmpty(tree) }) > 0
}

function holdsLong (tree: Tree): boolean {
  return (tree.kind === 'repeat' && tree.max > LONG) || childrenOf(tree).some(holdsLong)
}

function isAnchored (tree: Tree): boolean {
  if (tree.kind === 'sequence') return tree.items[0] !== undefined && isAnchored(tree.items[0])
  return tree.kind === 'group' ? isAnchored(tree.body) : tree.kind === 'edge' && tree.edge === 'start'
}

/** What it may begin with, or more than that. */
function firstOf (tree: Tree): CodePoints {
  if (tree.kind === 'set') return tree.set
  if (tree.kind === 'choice') return union(...tree.items.map(firstOf))
  if (tree.kind === 'group' || tree.kind === 'repeat' || tree.kind === 'atomic') return firstOf(tree.body)
  const first = tree.kind === 'sequence' ? tree.items[0] : undefined
  return first === undefined || mayBeEmpty(first) ? ALL : firstOf(first)
}

function ways (tree: Tree): number {
  const within = childrenOf(tree).map(ways)
  if (tree.kind === 'choice') return within.reduce((sum, one) => sum + one, 0)
  const product = within.reduce((all, one) => all * one, 1)
  return tree.kind === 'repeat' && tree.max <= LONG ? (tree.max - tree.min + 1) * product ** tree.max : product
}

/**
 * A long repetition that can end in several places makes each later one run again from each of them; only one that
 * takes everything to the end does not care.
 */
function runsAgain (row: readonly Item[]): boolean {
  const open = row.findIndex((item, i) => item.isLong && !item.keeps && canEndAnywhere(row, i))
  const takesAll = (item: Item, i: number) => i === row.length - 1 && complement(item.set).length === 0
  return open >= 0 && row.some((item, i) => i > open && item.isLong && !takesAll(item, i))
}

/** What follows can begin with what it repeats. */
function canEndAnywhere (row: readonly Item[], at: number): boolean {
  const { set } = row[at]!
  for (const item of row.slice(at + 1)) {
    if (meet(set, item.set)) return true
    if (!item.isOptional) return false
  }
  return false
}

/** A match may begin within what a long repetition ran through in vain, and run through it again. */
function restarts (row: readonly Item[]): boolean {
  const first = row.find(item => !item.isOptional)?.set
  const inVain = row.filter((item, i) => item.isLong && i < row.length - 1)
  if (inVain.length === 0) return false
  return first === undefined || first !== row[0]!.set || inVain.some(({ set }) => meet(set, first))
}
