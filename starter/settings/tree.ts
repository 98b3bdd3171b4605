import { JsonNumber } from './json.ts'
import { splitName } from './relaxed.ts'
import type { NamePart } from './relaxed.ts'
import type { Property, Scalar } from './types.ts'
import { javaNumber } from './yaml-scalar.ts'

/** A nested value: null-prototype objects, arrays, strings, numbers, booleans. `__proto__` is a key like any other. */
export type Tree = string | number | boolean | null | Tree[] | { [key: string]: Tree }

type Branch = { list: Map<number, Slot>, map: Map<string, Slot> }
type Slot = { leaf: Tree | undefined, branch: Branch | undefined }

/** Longest list a flat key may ask for: `a[4000000000]` must not make an array of that size. */
const MAX_LIST = 10_000

/**
 * Builds the nested value of flat keys: `a.b[0].c`. Numeric brackets make lists (holes become null), other brackets
 * literal keys. The first entry wins: over another value, and of a value and what is below it, unless it is empty.
 */
export function unflatten (entries: Iterable<readonly [key: string, value: Tree]>): Tree {
  const root: Slot = { leaf: undefined, branch: undefined }
  for (const [key, value] of entries) {
    const slot = descend(root, splitName(key))
    if (slot !== undefined && slot.branch === undefined) slot.leaf ??= value
  }
  return build(root) ?? Object.create(null) as Tree
}

/** The slot of a key; undefined below a value. */
function descend (root: Slot, parts: readonly NamePart[]): Slot | undefined {
  let slot = root
  for (const { text, bracket } of parts) {
    if (slot.leaf !== undefined && slot.leaf !== '') return undefined
    slot = child(slot, text, bracket)
  }
  return slot
}

function child (slot: Slot, text: string, bracket: boolean): Slot {
  slot.branch ??= { list: new Map(), map: new Map() }
  const index = bracket && /^\d+$/.test(text) && Number(text) < MAX_LIST ? Number(text) : -1
  const slots = (index === -1 ? slot.branch.map : slot.branch.list) as Map<string | number, Slot>
  const name = index === -1 ? text : index
  let next = slots.get(name)
  if (next === undefined) slots.set(name, next = { leaf: undefined, branch: undefined })
  return next
}

function build (slot: Slot): Tree | undefined {
  const { branch } = slot
  if (branch === undefined) return slot.leaf
  if (branch.map.size === 0) return buildList(branch.list)
  const object = Object.create(null) as { [key: string]: Tree }
  for (const [index, item] of branch.list) object[String(index)] = build(item) ?? null
  for (const [key, item] of branch.map) object[key] = build(item) ?? null
  return object
}

function buildList (slots: Map<number, Slot>): Tree[] {
  const list: Tree[] = Array.from({ length: Math.max(...slots.keys()) + 1 }, () => null)
  for (const [index, item] of slots) list[index] = build(item) ?? null
  return list
}

/** The JavaScript value of a scalar; an integer too large for a number stays its exact text. */
export function scalarValue (scalar: Scalar): string | number | boolean {
  if (scalar.kind === 'boolean') return scalar.text === 'true'
  if (scalar.kind === 'string' || scalar.kind === 'not-finite') return scalar.text
  const number = Number(scalar.text)
  return /^-?\d+$/.test(scalar.text) && !Number.isSafeInteger(number) ? scalar.text : number
}

/** Flat properties of a JSON value, as Spring flattens it: `[]` is empty text, `{}` and null are nothing. */
export function flatten (value: unknown, source: string): Map<string, Property> {
  const properties = new Map<string, Property>()
  const add = (path: string, item: unknown, depth: number): void => {
    if (depth > 50) throw new RangeError('nested deeper than 50 levels')
    if (isNested(item)) {
      for (const [key, below] of Object.entries(item)) add(join(path, key, Array.isArray(item)), below, depth + 1)
    } else if (item !== null) properties.set(path, { value: toScalar(item), origin: { source } })
  }
  add('', value, 0)
  properties.delete('')
  return properties
}

const isNested = (item: unknown): item is object => typeof item === 'object' && item !== null &&
  !(item instanceof JsonNumber) && (!Array.isArray(item) || item.length > 0)

function join (path: string, key: string, inList: boolean): string {
  if (inList) return `${path}[${key}]`
  return path === '' ? key : path + (key.startsWith('[') ? key : `.${key}`)
}

function toScalar (value: unknown): Scalar {
  if (value instanceof JsonNumber) return javaNumber(value.text)
  if (typeof value === 'number') return { kind: 'number', text: String(value) }
  if (typeof value === 'boolean') return { kind: 'boolean', text: value ? 'true' : 'false' }
  return { kind: 'string', text: typeof value === 'string' ? value : '' }
}
