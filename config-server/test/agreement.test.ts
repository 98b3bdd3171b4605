import fc from 'fast-check'
import type { PropertySource } from '@breakwater/starter/settings'
import t from 'tap'
import { readAsk } from '../environment/ask.ts'
import { toEnvironment } from '../environment/environment.ts'
import { orderSources, type ConfigFile } from '../environment/order.ts'
import { parseConfigFile } from '../environment/parse-file.ts'
import { flatten } from '../render/flat.ts'
import { render } from '../render/render.ts'

const LIMITS = { maxFileBytes: 1_048_576, maxKeys: 10_000 }
const OPTIONS = { resolvePlaceholders: false, stripDocument: false }

const word = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'x-y', 'toString')
const scalar = fc.oneof(fc.string({ unit: 'grapheme-ascii' }), fc.integer(), fc.boolean(),
  fc.constantFrom('yes', '014', '1_000', '2.0', '~', '12:30', '{cipher', '- x', '# no comment', 'two\nlines\n', ' padded '))
const tree = fc.letrec(tie => ({
  node: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, fc.array(tie('node'), { maxLength: 3 }), tie('map')),
  map: fc.dictionary(word, tie('node'), { maxKeys: 4, noNullPrototype: false })
})).map
const file = fc.constantFrom('application.yml', 'foo.yml', 'foo-dev.yml', 'foo-dev.yaml', 'application-qa.yml', 'foo-qa.yml')
const files = fc.dictionary(file, tree, { maxKeys: 5 })

// JSON is YAML, so a generated tree is written as it is.
async function sourcesOf (generated: Record<string, unknown>): Promise<readonly PropertySource[]> {
  const location = { folder: '', url: '', path: '' }
  const { sources } = await orderSources(readAsk('foo', 'dev,qa', null), [location], async refs => refs.flatMap((ref): ConfigFile[] => {
    if (!Object.hasOwn(generated, ref.file)) return []
    return [{ ...ref, documents: parseConfigFile(ref.file, Buffer.from(JSON.stringify(generated[ref.file])), LIMITS) }]
  }))
  return sources
}

/** What a client makes of the environment JSON: the first source wins a key, and wins a list whole. */
function clientView (json: string): Map<string, string> {
  const { propertySources } = JSON.parse(json, keepText) as { propertySources: { source: Record<string, unknown> }[] }
  const sources = propertySources.map(({ source }) => ({
    name: '', properties: new Map(Object.entries(source).map(([key, value]) =>
      [key, { value: { kind: 'string', text: String(value) } as const, origin: { source: '' } }]))
  }))
  return new Map([...flatten(sources)].map(([key, { text }]) => [key, text]))
}

function keepText (_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? context?.source : value
}

t.test('for any files, environment, properties, JSON and YAML say the same', async t => {
  await fc.assert(fc.asyncProperty(files, async generated => {
    const sources = await sourcesOf(generated)
    const environment = toEnvironment(readAsk('foo', 'dev,qa', null), { version: null, state: null, sources })
    const view = clientView(render(environment, 'v1', OPTIONS))
    const effective = new Map([...flatten(sources)].map(([key, { text }]) => [key, text]))
    if (sortedText(view) !== sortedText(effective)) return false

    const lines = render(environment, 'properties', OPTIONS)
    if (![...effective].every(([key, text]) => lines.includes(`${key}: ${text}`))) return false
    try {
      return sameTree(render(environment, 'json', OPTIONS), render(environment, 'yaml', OPTIONS), effective)
    } catch (failure) {
      // A key that is a list and a map at once in one file has no tree in either form.
      return (failure as { code?: string }).code === 'E_FLAT_KEY'
    }
  }), { numRuns: 150 })
  t.pass('agreed')
})

function sortedText (values: ReadonlyMap<string, string>): string {
  return [...values].map(entry => JSON.stringify(entry)).toSorted((a, b) => a < b ? -1 : 1).join('\n')
}

// Both trees, read back, are the effective values: nothing is lost, added, or of another type.
function sameTree (json: string, yaml: string, effective: ReadonlyMap<string, string>): boolean {
  const [a, b] = [json, yaml].map(text => {
    const properties = parseConfigFile('x.yml', Buffer.from(text), LIMITS)[0]?.properties ?? new Map<string, never>()
    return sortedText(new Map([...properties].map(([key, { value }]) => [key, `${value.kind} ${value.text}`])))
  })
  return a === b && json.length >= effective.size
}

t.test('two sources never have one name', t => {
  fc.assert(fc.property(fc.array(fc.constantFrom('a/foo.yml', 'foo.yml', 'vault:foo'), { maxLength: 8 }), list => {
    const sources = list.map(name => ({ name, properties: new Map<string, never>() }))
    const environment = toEnvironment(readAsk('foo', 'dev', null), { version: null, state: null, sources })
    const names = environment.sources.map(({ name }) => name)
    const keepsItsEnd = (name: string, index: number) => name.endsWith(list[index]!.split('/').at(-1)!) || name.includes('@')
    return new Set(names).size === names.length && names.every(keepsItsEnd)
  }))
  t.end()
})
