import { SaxesParser } from 'saxes'
import { unescapeName } from './xml-names.ts'

/** Deeper than any Eureka document; what nests deeper is an attack on somebody's stack. */
const MAX_DEPTH = 16

interface Node {
  readonly name: string
  readonly tree: Record<string, unknown>
  text: string
  /** Whether the node holds elements or attributes, so that it is an object and not a text. */
  isTree: boolean
}

/**
 * XML in the shape of Eureka's JSON: `{instance: {port: {$: '80', '@enabled': 'true'}}}`. Elements of text only are
 * strings, attributes get an `@`, repeated elements become a list. A document type is refused, so there are no
 * entities to expand; keys of metadata are unescaped; objects have no prototype, so `__proto__` is a key like any.
 */
export function parseXml (xml: string): unknown {
  const parser = new SaxesParser({ xmlns: false, position: false })
  const root = node('')
  const stack: Node[] = [root]
  parser.on('error', error => { throw error })
  parser.on('doctype', () => { throw new Error('a document type is not accepted') })
  parser.on('opentag', tag => {
    if (stack.length > MAX_DEPTH) throw new Error('nested too deeply')
    const parent = stack.at(-1)!
    stack.push(child(parent.name === 'metadata' ? unescapeName(tag.name) : tag.name, tag.attributes))
  })
  parser.on('text', text => { stack.at(-1)!.text += text })
  parser.on('cdata', text => { stack.at(-1)!.text += text })
  parser.on('closetag', () => attach(stack.pop()!, stack.at(-1)!))
  parser.write(xml).close()
  return root.tree
}

function node (name: string): Node {
  return { name, tree: Object.create(null) as Record<string, unknown>, text: '', isTree: false }
}

function child (name: string, attributes: Readonly<Record<string, string>>): Node {
  const made = node(name)
  for (const [key, value] of Object.entries(attributes)) {
    made.tree[`@${key}`] = value
    made.isTree = true
  }
  return made
}

function attach (done: Node, parent: Node): void {
  parent.isTree = true
  // Clients send an empty element for a value they do not have, so an empty text is kept as a text.
  if (done.isTree && done.text.trim() !== '') done.tree.$ = done.text.trim()
  const value = done.isTree ? done.tree : done.text
  const before = parent.tree[done.name]
  if (before === undefined) parent.tree[done.name] = value
  else if (Array.isArray(before)) before.push(value)
  else parent.tree[done.name] = [before, value]
}
