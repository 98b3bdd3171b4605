/** YAML or JSON as data, and where each of its places stands. */
import { isMap, isNode, isPair, LineCounter, parseDocument, type Document } from 'yaml'
import { error } from '../errors.ts'

export interface Positioned {
  readonly value: unknown
  /** `breakwater.yml:12`, of the value at a path, or of the nearest above it. */
  where (path: readonly (string | number)[]): string
}

/** A stack is described in kilobytes; more is another file given by mistake. */
const MAX_BYTES = 1_000_000
const MAX_ALIASES = 100

/** Throws E_STACK_FILE with line and column for what is no YAML. */
export function readPositioned (text: string, file: string): Positioned {
  if (text.length > MAX_BYTES) throw error('E_STACK_FILE', ['it has more than a megabyte.'], { where: file })
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number): string => `${file}:${lines.linePos(offset).line}`
  const [fault] = document.errors
  if (fault !== undefined) throw error('E_STACK_FILE', [`${fault.message}.`], { where: at(fault.pos[0]), cause: fault })
  return {
    value: document.toJS({ maxAliasCount: MAX_ALIASES }),
    where: path => at(offsetOf(document, path))
  }
}

/** A key's own place rather than its value's: that is where one looks. */
function offsetOf (document: Document, path: readonly (string | number)[]): number {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = document.getIn(path.slice(0, depth - 1), true)
    const key = path[depth - 1]
    const pair = isMap(parent) ? parent.items.find(item => isPair(item) && String(item.key) === String(key)) : undefined
    if (pair !== undefined && isNode(pair.key)) return pair.key.range?.[0] ?? 0
    const node = document.getIn(path.slice(0, depth), true)
    if (isNode(node)) return node.range?.[0] ?? 0
  }
  return 0
}
