/** Flat keys back into a tree of maps, lists and scalars, as `.yml` and `.json` show it. */
import type { Scalar } from '@breakwater/starter/settings'
import { error } from '../errors.ts'
import type { FlatProperties } from './flat.ts'

export type TreeNode = Map<string, TreeNode> | TreeNode[] | Scalar | null

// A list with holes is filled with nulls; without a bound one key could ask for gigabytes.
const MAX_INDEX = 10_000

/** Builds the tree; throws E_FLAT_KEY (400) naming a key that is a list and a map at once, or malformed. */
export function toTree (flat: FlatProperties): Map<string, TreeNode> {
  const root = new Map<string, TreeNode>()
  for (const [key, value] of flat) insert(root, stepsOf(key, flat), value, key)
  return root
}

type Step = string | number

function insert (root: Map<string, TreeNode>, steps: readonly Step[], value: Scalar, key: string): void {
  let node: TreeNode = root
  for (const [index, step] of steps.entries()) {
    const next: Step | undefined = steps[index + 1]
    const child: TreeNode = next === undefined ? value : typeof next === 'number' ? [] : new Map()
    node = typeof step === 'number' ? intoList(node, step, child, key) : intoMap(node, step, child, key)
  }
}

function intoMap (node: TreeNode, name: string, child: TreeNode, key: string): TreeNode {
  if (!(node instanceof Map)) throw error('E_FLAT_KEY', [key, 'another key makes it a list or a value'])
  const existing = node.get(name)
  if (existing !== undefined) return existing
  node.set(name, child)
  return child
}

function intoList (node: TreeNode, index: number, child: TreeNode, key: string): TreeNode {
  if (!Array.isArray(node)) throw error('E_FLAT_KEY', [key, 'another key makes it a map or a value'])
  while (node.length < index) node.push(null)
  const existing = node[index]
  if (existing !== undefined && existing !== null) return existing
  node[index] = child
  return child
}

/**
 * `a.b[0].c` -> a, b, 0, c. `[text]` stays part of its name. Where a prefix holds a value itself, the rest up to an
 * index is one compound name: `org.springframework` next to `org.springframework.cloud` gives `springframework` and
 * `springframework.cloud` under `org`, whichever came first.
 */
function stepsOf (key: string, flat: FlatProperties): Step[] {
  const steps: Step[] = []
  let compound = ''
  for (let from: number | undefined = 0; from !== undefined;) {
    const stop = nextStop(key, from)
    const name = compound + partOf(key, from, stop, steps)
    from = stop.next
    compound = stop.isDot && (compound !== '' || flat.has(key.slice(0, stop.at))) ? `${name}.` : ''
    if (compound !== '') continue
    if (name !== '' || stop.index === undefined) steps.push(name)
    if (stop.index !== undefined) steps.push(stop.index)
  }
  return steps
}

// Only the last part may be empty, as in Spring: `berth.` is the empty key under `berth`. Between indices none stands.
function partOf (key: string, from: number, stop: Stop, before: readonly Step[]): string {
  const part = key.slice(from, stop.at)
  const isLast = stop.index === undefined && !stop.isDot
  const isBetween = stop.index !== undefined && typeof before.at(-1) === 'number'
  if (part === '' && !isLast && !isBetween) throw error('E_FLAT_KEY', [JSON.stringify(key), 'it has an empty part'])
  return part
}

interface Stop {
  readonly at: number
  /** Where the next part begins; undefined at the end of the key. */
  readonly next: number | undefined
  readonly isDot: boolean
  readonly index?: number
}

// The end of a name: a dot, an index, or the end of the key; after an index the dot that follows belongs to it.
function nextStop (key: string, from: number): Stop {
  for (let at = from; at < key.length; at++) {
    if (key[at] === '.') return { at, next: at + 1, isDot: true }
    if (key[at] !== '[') continue
    const close = key.indexOf(']', at)
    if (close < 0) break
    const text = key.slice(at + 1, close)
    if (/^\d{1,9}$/.test(text)) return { at, next: behindIndex(key, close + 1), isDot: false, index: indexOf(text, key) }
    at = close
  }
  return { at: key.length, next: undefined, isDot: false }
}

function behindIndex (key: string, at: number): number | undefined {
  if (key[at] === '.') return at + 1
  return at < key.length ? at : undefined
}

function indexOf (text: string, key: string): number {
  const index = Number(text)
  if (index > MAX_INDEX) throw error('E_FLAT_KEY', [key, `an index above ${MAX_INDEX}`])
  return index
}
