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
  for (let from = 0; from < key.length;) {
    const stop = nextStop(key, from)
    const part = key.slice(from, stop.at)
    from = stop.next
    if (stop.index === undefined || typeof steps.at(-1) !== 'number' || part !== '') checkPart(part, key)
    const name = compound + part
    compound = stop.index === undefined && from < key.length && (compound !== '' || flat.has(key.slice(0, stop.at)))
      ? `${name}.`
      : ''
    if (compound !== '') continue
    if (name !== '') steps.push(name)
    if (stop.index !== undefined) steps.push(stop.index)
  }
  if (key === '' || /^\[\d+\]/.test(key) || key.endsWith('.')) checkPart('', key)
  return steps
}

interface Stop {
  readonly at: number
  readonly next: number
  readonly index?: number
}

// The end of a name: a dot, an index, or the end of the key; after an index the dot that follows belongs to it.
function nextStop (key: string, from: number): Stop {
  for (let at = from; at < key.length; at++) {
    if (key[at] === '.') return { at, next: at + 1 }
    if (key[at] !== '[') continue
    const close = key.indexOf(']', at)
    if (close < 0) return { at: key.length, next: key.length }
    const text = key.slice(at + 1, close)
    if (!/^\d{1,9}$/.test(text)) {
      at = close
      continue
    }
    return { at, next: key[close + 1] === '.' ? close + 2 : close + 1, index: indexOf(text, key) }
  }
  return { at: key.length, next: key.length }
}

function indexOf (text: string, key: string): number {
  const index = Number(text)
  if (index > MAX_INDEX) throw error('E_FLAT_KEY', [key, `an index above ${MAX_INDEX}`])
  return index
}

function checkPart (part: string, key: string): void {
  if (part === '') throw error('E_FLAT_KEY', [JSON.stringify(key), 'it has an empty part'])
}
