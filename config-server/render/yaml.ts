/** The `.yml` form: block style, lists at their key's indent, quotes around strings that would read as another type. */
import { Document, Scalar as YamlScalar, type ScalarTag, type Tags } from 'yaml'
import type { Scalar } from '@breakwater/starter/settings'
import type { TreeNode } from './tree.ts'

/** A number whose text is written as it stands. */
class NumberText {
  readonly text: string

  constructor (text: string) {
    this.text = text
  }
}

const NUMBER_TAG: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: value => value instanceof NumberText,
  resolve: text => new NumberText(text),
  stringify: item => (item.value as NumberText).text
}

/**
 * Writes a tree as SnakeYAML would. With `stripDocument`, a tree of only `document` is the list or the scalar a file
 * consisted of (`document` is the name Spring gives to what has no key).
 */
export function treeYaml (tree: Map<string, TreeNode>, stripDocument: boolean): string {
  const only = stripDocument && tree.size === 1 ? tree.get('document') : undefined
  const document = new Document(plain(only ?? tree), {
    version: '1.1', schema: 'yaml-1.1', customTags: scalarTags, aliasDuplicateObjects: false
  })
  return document.toString({
    directives: false, singleQuote: true, indentSeq: false, lineWidth: 0, blockQuote: 'literal', nullStr: 'null'
  })
}

// The library takes a JavaScript Map for `!!omap` and the text `<<` for a merge; here they are a mapping and a text.
const LEFT_OUT = new Set(['omap', 'merge'].map(name => `tag:yaml.org,2002:${name}`))

function scalarTags (tags: Tags): Tags {
  return [NUMBER_TAG, ...tags.filter(tag => typeof tag === 'string' || !LEFT_OUT.has(tag.tag))]
}

function plain (node: TreeNode): unknown {
  if (node === null) return null
  if (Array.isArray(node)) return node.map(plain)
  if (node instanceof Map) return new Map([...node].map(([key, value]) => [key, plain(value)]))
  return plainScalar(node)
}

// SnakeYAML escapes what cannot be seen; the library would write a tab as it is.
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f]/

// A space at the end of a line is lost where editors tidy up.
const SPACE_BEFORE_BREAK = / \n|\n[^\n]* $/
// The merge key, and what parts documents.
const MARKS = /^(?:<<|---.*|\.\.\..*)$/

function quoted (text: string, type: 'QUOTE_DOUBLE' | 'QUOTE_SINGLE'): YamlScalar {
  const scalar = new YamlScalar(text)
  scalar.type = type
  return scalar
}

function plainScalar ({ kind, text }: Scalar): unknown {
  if (kind === 'boolean') return text === 'true'
  if (kind === 'number') return new YamlScalar(new NumberText(text))
  if (CONTROLS.test(text) || SPACE_BEFORE_BREAK.test(text)) return quoted(text, 'QUOTE_DOUBLE')
  return MARKS.test(text) ? quoted(text, 'QUOTE_SINGLE') : text
}
