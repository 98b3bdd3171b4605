/** The `.yml` form, byte for byte as SnakeYAML writes it: block style, lists at their key's indent, lines folded. */
import type { Scalar } from '@breakwater/starter/settings'
import type { TreeNode } from './tree.ts'
import { writeBinary, writeKey, writeText, type Place } from './yaml-text.ts'

/**
 * Writes a tree as SnakeYAML would. With `stripDocument`, a tree of only `document` is the list or the scalar a file
 * consisted of (`document` is the name Spring gives to what has no key).
 */
export function treeYaml (tree: Map<string, TreeNode>, stripDocument: boolean): string {
  const only = stripDocument && tree.size === 1 ? tree.get('document') : undefined
  if (only === undefined) return tree.size === 0 ? '{}\n' : `${mapping(tree, 0)}\n`
  if (Array.isArray(only)) return `${sequence(only, 0)}\n`
  return `${only instanceof Map ? mapping(only, 0) : rootScalar(only)}\n`
}

// Spring gives the root the tag of a text, so a number gets quotes.
function rootScalar (value: Scalar | null): string {
  const place = { column: 0, indent: 2 }
  return value === null ? 'null' : writeText(bareText(value), place)
}

// The first line stands where the caller is, the others at the indent.
function mapping (map: ReadonlyMap<string, TreeNode>, indent: number): string {
  return [...map].map(([key, value]) => member(key, value, indent)).join(lineAt(indent))
}

function member (key: string, value: TreeNode, indent: number): string {
  const simple = writeKey(key)
  if (simple !== undefined) return `${simple}:${valueAfter(simple, value, indent)}`
  const explicit = writeText(key, { column: indent + 2, indent: indent + 2 })
  return `? ${explicit}${lineAt(indent)}: ${nested(value, indent + 2)}`
}

function valueAfter (key: string, value: TreeNode, indent: number): string {
  if (Array.isArray(value)) return lineAt(indent) + sequence(value, indent)
  if (value instanceof Map) return lineAt(indent + 2) + mapping(value, indent + 2)
  return ` ${scalar(value, { column: indent + key.length + 2, indent: indent + 2 })}`
}

function sequence (list: readonly TreeNode[], indent: number): string {
  return list.map(item => `- ${nested(item, indent + 2)}`).join(lineAt(indent))
}

function nested (item: TreeNode, indent: number): string {
  if (Array.isArray(item)) return sequence(item, indent)
  return item instanceof Map ? mapping(item, indent) : scalar(item, { column: indent, indent })
}

function scalar (value: Scalar | null, place: Place): string {
  if (value === null) return 'null'
  if (value.kind !== 'string') return bareText(value)
  return value.binary === true ? writeBinary(value.text, place) : writeText(value.text, place)
}

function bareText ({ kind, text }: Scalar): string {
  return kind === 'not-finite' ? NOT_FINITE[text] : text
}

const NOT_FINITE = { 'NaN': '.NaN', 'Infinity': '.inf', '-Infinity': '-.inf' }

function lineAt (indent: number): string {
  return `\n${' '.repeat(indent)}`
}
