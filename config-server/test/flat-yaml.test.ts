/** The flat YAML form against what Spring's server 5.0.2 answered, and against what strict readers make of it. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { parse } from 'yaml'
import type { Scalar } from '@breakwater/starter/settings'
import type { TreeNode } from '../render/tree.ts'
import { treeYaml } from '../render/yaml.ts'
import { ask, startNative } from './support.ts'

interface Case { readonly name: string, readonly file: string, readonly yaml: string }

const CASES = JSON.parse(await readFile(join(import.meta.dirname, 'fixtures/flat-yaml.json'), 'utf8')) as Case[]

t.test('hundreds of texts as values, items and keys have Spring\'s bytes', async t => {
  const { url } = await startNative(t, Object.fromEntries(CASES.map(({ name, file }) => [`${name}.yml`, file])))
  for (const { name, yaml } of CASES) {
    const { text } = await ask(url, `/${name}-x.yml`)
    t.strictSame(text.split('\n'), yaml.split('\n'), name)
  }
})

t.test('line breaks that readers disagree about are escaped, which all of them read', async t => {
  const file = 'a: "nel\\u0085x"\nb: "ls\\u2028\\nx"\nc: "\\ufeffps\\u2029"\nm: {"k\\u2028k": 1}\n'
  const { url } = await startNative(t, { 'foo.yml': file })
  const { text } = await ask(url, '/foo-x.yml')
  t.equal(text, 'a: "nel\\Nx"\nb: "ls\\L\\nx"\nc: "\\uFEFFps\\P"\nm:\n  ? "k\\Lk"\n  : 1\n')
  for (const version of ['1.1', '1.2'] as const) {
    t.strictSame(parse(text, { version }), { a: 'nel\u0085x', b: 'ls\u2028\nx', c: '\ufeffps\u2029', m: { 'k\u2028k': 1 } })
  }
})

t.test('what PyYAML would refuse or take for a number is in quotes', async t => {
  for (const word of ['=', '0x_', '0b__', '-0_', '+0_', '-0x_']) {
    const tree = new Map([['a', { kind: 'string', text: word } as const]])
    t.equal(treeYaml(tree, false), `a: '${word}'\n`)
  }
})

t.test('a file that is one value keeps its text', async t => {
  const roots: Record<string, string> = {
    5: '\'5\'', 1.5: '\'1.5\'', '.nan': '\'.NaN\'', true: '\'true\'', word: 'word', '"a: b"': '\'a: b\'',
    '"a\\nb"': '|-\n  a\n  b'
  }
  const { url } = await startNative(t, Object.fromEntries(Object.keys(roots).map((text, index) => [`f${index}.yml`, text])))
  for (const [index, yaml] of Object.values(roots).entries()) t.equal((await ask(url, `/f${index}-x.yml`)).text, `${yaml}\n`)
})

const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(...Array.from('ab\'":#-?,[]{}&*!|>%@\\ \n\t\r0.~<=\u0085\u2028\ufeff\u0007ä😀')), maxLength: 200 }),
  fc.string({ unit: fc.constantFrom('word ', 'it\'s ', ' ', 'ä', '\n', '\t', 'longer '), maxLength: 60 }),
  fc.string({ unit: 'binary' })
)
const scalar = text.map((value): Scalar => ({ kind: 'string', text: value }))
const { tree } = fc.letrec<{ node: TreeNode, tree: Map<string, TreeNode> }>(tie => ({
  node: fc.oneof({ depthSize: 'small' }, scalar, fc.constant(null), fc.array(tie('node'), { minLength: 1, maxLength: 4 }), tie('tree')),
  tree: fc.array(fc.tuple(text, tie('node')), { minLength: 1, maxLength: 4 }).map(entries => new Map(entries))
}))

function expected (node: TreeNode): unknown {
  if (node === null) return 'null'
  if (Array.isArray(node)) return node.map(expected)
  return node instanceof Map ? Object.fromEntries([...node].map(([key, value]) => [key, expected(value)])) : node.text
}

// Without types, so that only the text counts; bytes are the text they were made of.
const read = (yaml: string, version: '1.1' | '1.2'): unknown => parse(yaml, {
  version, schema: 'failsafe', maxAliasCount: 0,
  customTags: [{ tag: 'tag:yaml.org,2002:binary', resolve: (base64: string) => Buffer.from(base64, 'base64').toString() }]
})

t.test('whatever the texts are, a strict reader gets them back', async t => {
  for (const version of ['1.1', '1.2'] as const) {
    fc.assert(fc.property(tree, root => {
      t.strictSame(read(treeYaml(root, false), version), expected(root))
    }), { numRuns: 300 })
  }
})
