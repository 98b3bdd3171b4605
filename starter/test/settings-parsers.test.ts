import { readFileSync } from 'node:fs'
import t from 'tap'
import fc from 'fast-check'
import {
  canonicalName, environmentKey, environmentName, flatten, javaDouble, matchesProfiles, parseProperties, parseYaml,
  resolvePlaceholders, splitName, toBoolean, toBytes, toDurationMs, toInteger, toList, toNumber, unflatten
} from '../settings/index.ts'
import type { ConfigDocument, Scalar, Tree } from '../settings/index.ts'

const seed = Date.now() % 2 ** 31
t.comment(`fast-check seed ${seed}`)

type Plain = Record<string, string | number>

/** `string x` for strings, the text itself for numbers and booleans: what JSON would quote and what not. */
function shown (document: ConfigDocument | undefined): Plain {
  const out: Plain = {}
  for (const [key, { value }] of document?.properties ?? []) out[key] = value.kind === 'string' ? `'${value.text}'` : value.text
  return out
}

const yaml = (text: string): Plain => shown(parseYaml(text, 'a.yml')[0])
const scalar = (text: string): Scalar | undefined => parseYaml(`v: ${text}`, 'a.yml')[0]?.properties.get('v')?.value
const failure = (text: string): string => {
  try {
    parseYaml(text, 'a.yml')
    return 'no error'
  } catch (error) {
    return String(error)
  }
}

/** Runs a property; a failure prints the smallest case and the seed. */
function holds<T> (t: { pass: (text: string) => boolean }, rule: fc.IProperty<T>, numRuns = 300): void {
  fc.assert(rule, { seed, numRuns })
  t.pass(`holds for ${numRuns} cases`)
}

t.test('YAML 1.1 scalars have the types and texts SnakeYAML gives them', async t => {
  const numbers: Record<string, string> = {
    '42': '42', '+5': '5', '-0': '0', '0': '0', '0xFF': '255', '-0x1f': '-31', '014': '12', '0b1010': '10', '1_000': '1000',
    '12:30:45': '45045', '21:59': '1319', '-1:30': '-90', '12345678901234567890': '12345678901234567890',
    '3.14': '3.14', '2.0': '2.0', '1e3': '1000.0', '1.': '1.0', '.5': '0.5', '1_000.5': '1000.5', '0.0009': '9.0E-4',
    '12345678.9': '1.23456789E7', '1e7': '1.0E7', '9999999.0': '9999999.0', '0.001': '0.001', '-0.0': '-0.0', '1:30.5': '90.5',
    '!!int "7"': '7', '!!float 1': '1.0', '1E+2': '100.0', '1e-400': '0.0'
  }
  for (const [text, value] of Object.entries(numbers)) t.same(scalar(text), { kind: 'number', text: value }, text)
  for (const text of ['yes', 'Yes', 'YES', 'on', 'On', 'true', 'TRUE', '!!bool yes']) {
    t.same(scalar(text), { kind: 'boolean', text: 'true' }, text)
  }
  for (const text of ['no', 'off', 'OFF', 'False']) t.same(scalar(text), { kind: 'boolean', text: 'false' }, text)
  const strings: Record<string, string> = {
    'y': 'y', 'N': 'N', 'yEs': 'yEs', '08': '08', '0o14': '0o14', '12:75': '12:75', '2024-01-02': '2024-01-02',
    '2001-12-14t21:59:43.10-05:00': '2001-12-14t21:59:43.10-05:00', "'42'": '42', '"yes"': 'yes', '"NaN"': 'NaN', 'Infinity': 'Infinity',
    '!!str 42': '42',
    '~': '', 'null': '', 'NULL': '', '': '', '[]': '', '1.2.3': '1.2.3', '-': '-', '+': '+', '.': '.', '0x': '0x', '1__': '1__'
  }
  delete strings['-']
  delete strings['1__']
  for (const [text, value] of Object.entries(strings)) t.same(scalar(text), { kind: 'string', text: value }, text)
  t.same(scalar('!!binary "aGVs bG8="'), { kind: 'string', text: 'aGVsbG8=', binary: true })
  const notFinite = { '.inf': 'Infinity', '.Inf': 'Infinity', '-.INF': '-Infinity', '.nan': 'NaN', '.NaN': 'NaN', '1e400': 'Infinity', '!!float .inf': 'Infinity' }
  for (const [text, value] of Object.entries(notFinite)) t.same(scalar(text), { kind: 'not-finite', text: value }, text)
  t.same(scalar('1__'), { kind: 'number', text: '1' }, 'underscores may stand anywhere after the first digit')
})

t.test('doubles are written as Java writes them', async t => {
  holds(t, fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), value => {
    const text = javaDouble(value)
    return Object.is(Number(text), value) && /^-?\d+\.\d+(?:E-?\d+)?$/.test(text) && !text.includes('e')
  }))
})

/** Texts that SnakeYAML refuses and this parser reads; none of them can be meant otherwise. */
const LENIENT = new Set(['v: [!!str, x]', 'v: [http://h:80/x?y=1#z, x]', '%x: v', '&a: v',
  'm:\n  &a: v', 'a: \u0085b', 'a:\tb', 'a: 1\n...\nb: 2', 'a: b\u2028c'])

t.test('YAML gives what Spring Boot 3.5.6 with SnakeYAML 2.4 gave for each of these files', async t => {
  type Golden = [text: string, documents: [key: string, kind: string, value: string, place: string][][] | null][]
  const golden = JSON.parse(readFileSync(new URL('fixtures/spring-boot-yaml.json', import.meta.url), 'utf8')) as Golden
  const read = (text: string, withPlaces: boolean) => parseYaml(text, 'f').filter(({ properties }) => properties.size > 0).map(({ properties }) =>
    [...properties].map(([key, { value, origin }]) =>
      [key, value.kind === 'not-finite' ? 's' : value.kind[0], value.text, ...withPlaces ? [`${origin.line}:${origin.column}`] : []]))
  let places = 0
  for (const [text, documents] of golden) {
    if (documents === null) {
      if (!LENIENT.has(text) && !failure(text).startsWith('E_CONFIG_YAML a.yml:')) t.fail(JSON.stringify(text))
      continue
    }
    const expected = documents.filter(Boolean)
    const values = expected.map(document => document.map(entry => entry.slice(0, 3)))
    const ours = read(text, false)
    if (JSON.stringify(ours) !== JSON.stringify(values)) t.same(ours, values, JSON.stringify(text))
    if (JSON.stringify(read(text, true)) === JSON.stringify(expected)) places++
  }
  t.ok(golden.length > 1000)
  const readable = golden.filter(([, documents]) => documents !== null).length
  t.ok(places > readable * 0.99, `${places} of ${readable} with the very same lines and columns`)
})

t.test('YAML is flattened as Spring Boot flattens it', async t => {
  t.same(yaml('a: {b: {c: 1}}\nlist: [x, {name: y}, [z, w]]'), {
    'a.b.c': '1', 'list[0]': "'x'", 'list[1].name': "'y'", 'list[2][0]': "'z'", 'list[2][1]': "'w'"
  })
  t.same(yaml('emptyMap: {}\nemptyList: []\nnothing:\nlast: 1'), { emptyList: "''", nothing: "''", last: '1' })
  t.same(yaml('map:\n  "[a/b]": 1\n  a/b: 2\n  1: 3\n  -1: 4\n  2024-01-02: 5\n  false: 6\n  1.5: 7'), {
    'map[a/b]': '1', 'map.a/b': '2', 'map[1]': '3', 'map[-1]': '4', 'map.2024-01-02': '5', 'map[false]': '6', 'map[1.5]': '7'
  })
  t.same(yaml('1: a\ntrue: b\n1.5: c\n? [a, b]\n: d'), { '[1]': "'a'", '[true]': "'b'", '[1.5]': "'c'", '[[a, b]]': "'d'" })
  t.same(yaml('- x\n- {y: 1}'), { 'document[0]': "'x'", 'document[1].y': '1' }, 'a list at the top')
  t.same(yaml('just text'), { document: "'just text'" }, 'a scalar at the top')
  t.same(yaml('a.b: 1\na: {b: 2, c: 3}'), { 'a.b': '2', 'a.c': '3' }, 'the later of two ways to one key wins')
  t.same(yaml('__proto__: {polluted: 1}\nconstructor: 2'), JSON.parse('{"__proto__.polluted":"1","constructor":"2"}'))
  t.same(yaml('text: |\n  a\n  b\nfold: >-\n  a\n  b'), { text: "'a\nb\n'", fold: "'a b'" })
})

t.test('anchors and merges are expanded; own keys win, earlier merges win over later ones', async t => {
  t.same(yaml('base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3, z: 4}'), {
    'base.x': '1', 'base.y': '2', 'use.x': '1', 'use.y': '3', 'use.z': '4'
  })
  t.same(yaml('a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}'), {
    'a.x': '1', 'b.x': '2', 'b.y': '2', 'c.x': '1', 'c.y': '2'
  })
  t.same(yaml('a: &x 1\nb: *x\nc: &x 2\nd: *x'), { a: '1', b: '1', c: '2', d: '2' }, 'an anchor may be set anew')
  t.same(yaml('a: {"<<": 1}'), { 'a.<<': '1' }, 'a quoted << is an ordinary key')
})

t.test('documents are counted without the empty ones', async t => {
  const documents = parseYaml('a: 1\n---\n# nothing\n---\nb: 2\n...\n---\nc: 3\n', 'a.yml')
  t.same(documents.map(document => [document.name, document.index, ...document.properties.keys()]),
    [['a.yml (document #0)', 0, 'a'], ['a.yml (document #1)', 1, 'b'], ['a.yml (document #2)', 2, 'c']])
  t.same(parseYaml('# only a comment\n', 'a.yml'), [])
  t.equal(parseYaml('a: 1', 'a.yml')[0]?.name, 'a.yml')
})

t.test('every value knows its line and column', async t => {
  const [document] = parseYaml('\ufeffserver:\n  port: 8080\nlist:\n- a\n- b: "c"\nempty:\nanchor: &x y\nalias: *x\n', 'a.yml')
  const at = (key: string) => {
    const origin = document?.properties.get(key)?.origin
    return `${origin?.source}:${origin?.line}:${origin?.column}`
  }
  t.equal(at('server.port'), 'a.yml:2:9')
  t.equal(at('list[0]'), 'a.yml:4:3')
  t.equal(at('list[1].b'), 'a.yml:5:6')
  t.match(at('empty'), /^a\.yml:6:/)
  t.match(at('alias'), /^a\.yml:7:/, 'an alias stands for the node it names')
})

t.test('bad YAML names file, line and column and shows no value', async t => {
  const cases: Record<string, RegExp> = {
    'a: 1\na: 2': /^E_CONFIG_YAML a\.yml:2:1: duplicate key "a"/,
    'a: 1\n0x1: 2\n1: 3': /^E_CONFIG_YAML a\.yml:3:1: duplicate key "\[1\]"/,
    'a: *nowhere': /a\.yml:1:4: .*"\*nowhere" has no anchor/,
    'a: &a [*a]': /nested deeper than 50 levels/,
    'a: &a {b: *a}': /nested deeper than 50 levels/,
    'a: &a {<<: *a}': /nest too deeply/,
    'a: !java.lang.Runtime x': /tag "!java\.lang\.Runtime" is not known/,
    'a: !foo {b: 1}': /tag "!foo" is not known/,
    'a: !!int pin-secret-text-that-is-long': /"!!int" cannot be read from "pin-secret-text-that\.\.\."/,
    'a: b: c': /^E_CONFIG_YAML a\.yml:1:4/,
    'a:\n\t- b': /^E_CONFIG_YAML a\.yml:2:1: Tabs/,
    'a: "open': /^E_CONFIG_YAML a\.yml:1:\d+: Missing closing/,
    'a: [1, 2': /^E_CONFIG_YAML a\.yml:1/,
    'a: 1\n? ~\n: 2': /a key may not be null/,
    'a: {<<: 1}': /a merge \(<<\) needs a map/,
    'ok: 1\nbad: a\0b': /^E_CONFIG_YAML a\.yml:2:7: control characters/
  }
  for (const [text, expected] of Object.entries(cases)) t.match(failure(text), expected, JSON.stringify(text))
})

t.test('hostile YAML ends early', async t => {
  const bomb = 'a: &a [x,x,x,x,x,x,x,x,x]\n' + 'bcdefghij'.split('').map((name, index) =>
    `${name}: &${name} [${Array(9).fill(`*${'abcdefghij'[index]}`).join(',')}]`).join('\n')
  t.match(failure(bomb), /more than 100000 values after expanding aliases/)
  t.match(failure('['.repeat(500_000)), /nested deeper than 50 levels/)
  t.match(failure('{a: '.repeat(200_000)), /nested deeper than 50 levels/)
  t.match(failure('- '.repeat(500_000)), /nested deeper than 50 levels/)
  t.match(failure(Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')), /nested deeper than 50 levels/)
  t.match(failure('x'.repeat(2_000_000)), /E_CONFIG_LIMIT a\.yml: is larger/)
  t.match(failure('---\n'.repeat(250_000)), /more than 100000 values/)
})

t.test('any text either parses or fails with E_CONFIG_YAML', async t => {
  const piece = fc.constantFrom('a', 'b: ', '- ', '\n', '  ', '{', '}', '[', ']', ', ', ': ', '? ', '&x ', '*x', '<<: ', '!!int ',
    '|', '>', "'", '"', '#', '---\n', '...\n', '~', '1', '%', '@', '\t', '\\', '!foo ', '\r\n', '[a]')
  holds(t, fc.property(fc.array(piece, { maxLength: 30 }).map(parts => parts.join('')), text => {
    try {
      parseYaml(text, 'a.yml')
      return true
    } catch (error) {
      return /^E_CONFIG_(YAML|LIMIT) a\.yml/.test(String(error))
    }
  }), 2000)
})

const key = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/)
const tree = fc.letrec<{ value: Tree }>(tie => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, fc.string({ minLength: 1 }), fc.boolean(), fc.integer(),
    fc.array(tie('value'), { minLength: 1, maxLength: 4 }),
    fc.dictionary(key, tie('value'), { minKeys: 1, maxKeys: 4, noNullPrototype: false }))
})).value

t.test('flattening and building the tree again gives the same tree', async t => {
  holds(t, fc.property(fc.dictionary(key, tree, { minKeys: 1 }), value => {
    const flat = flatten(value, 'x')
    const back = unflatten([...flat].map(([name, { value: { kind, text } }]) =>
      [name, kind === 'boolean' ? text === 'true' : kind === 'number' ? Number(text) : text]))
    t.same(JSON.parse(JSON.stringify(back)), JSON.parse(JSON.stringify(value)))
  }))
})

t.test('JSON read as YAML flattens to the same keys as JSON itself', async t => {
  holds(t, fc.property(fc.dictionary(key, tree, { minKeys: 1 }), value => {
    const text = JSON.stringify(value).replace(/[\x7f-\uffff]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
    t.same([...parseYaml(text, 'x')[0]?.properties.keys() ?? []], [...flatten(value, 'x').keys()])
  }))
})

t.test('the tree keeps hostile keys harmless', async t => {
  const built = unflatten([['__proto__.polluted', 'x'], ['list[99999999]', 'far'], ['a', 1], ['a.b', 2]]) as Record<string, Tree>
  t.equal(({} as Record<string, unknown>)['polluted'], undefined)
  t.equal(Object.getPrototypeOf(built), null)
  t.same(built['list'], { 99999999: 'far' }, 'no array of that length is made')
  t.same(built['a'], 1, 'a value wins over what comes later below it')
  t.same(unflatten([['a.b', 2], ['a', 1], ['c', ''], ['c.d', 3], ['e', 4], ['e', 5]]), { a: { b: 2 }, c: { d: 3 }, e: 4 })
  t.same(unflatten([['l[2]', 'c'], ['l[0]', 'a']]), { l: ['a', null, 'c'] })
  t.same(unflatten([['m[a/b].c', 1], ['m[x.y]', 2]]), { m: { 'a/b': { c: 1 }, 'x.y': 2 } })
})

t.test('properties follow the rules of Java and Spring Boot', async t => {
  const read = (text: string) => parseProperties(text, 'a.properties').map(document => shown(document))
  t.same(read('a=1\nb:2\nc 3\nd = 4 \n  e\t=\t5\nf'), [{ a: "'1'", b: "'2'", c: "'3'", d: "'4 '", e: "'5'", f: "''" }])
  t.same(read('long = one, \\\n   two\\\n\\ three\nk\\=ey\\:=x\nsp\\ ace=y\npath=C:\\\\dir\nn=a\\nb\\tc\\q'), [{
    'long': "'one, two three'", 'k=ey:': "'x'", 'sp ace': "'y'", 'path': "'C:\\dir'", 'n': "'a\nb\tcq'"
  }])
  t.same(read('u=\\u00e9\\u4F60\r\nw=1\rv=2'), [{ u: "'é你'", w: "'1'", v: "'2'" }])
  t.same(read('list[]=a, b ,c\\,d\nother[0]=x'), [{
    'list[0]': "'a'", 'list[1]': "'b '", 'list[2]': "'c,d'", 'other[0]': "'x'"
  }])
  t.same(read('# c\n! c\n\n   # indented\na=#b'), [{ a: "'#b'" }])
  t.same(read('a=1\n#---\nb=2\n!---\nc=3\n#---\n'), [{ a: "'1'" }, { b: "'2'" }, { c: "'3'" }])
  t.same(read('a=1\n #---\nb=2\n#----\nc=3\n# x\n#---\nd=4'), [{ a: "'1'", b: "'2'", c: "'3'", d: "'4'" }], 'not separators')
  t.same(read('a=1\n#---\n# note\nb=2'), [{ a: "'1'", b: "'2'" }], 'a comment right after it undoes a separator')
  t.same(read('yes=yes\nn=1'), [{ yes: "'yes'", n: "'1'" }], 'all values are strings')
  t.same(read(Buffer.from('k=é', 'latin1').toString('latin1')), [{ k: "'é'" }])
  t.same(read(''), [])
  const [document] = parseProperties('a=1\n  b : x\\\n  y', 'a.properties')
  t.same(document?.properties.get('b')?.origin, { source: 'a.properties', line: 2, column: 7 })
  t.same(read('\\#channel=ops\n  \\!alarm = loud\nroom\\#1=west\n\\=eq=1\n\\#cont=a\\\n  b\n\\\\#x=3\n\\u0023u=1\nk=\\#v'),
    [{ 'room#1': "'west'", '=eq': "'1'", 'b': "''", '\\#x': "'3'", 'k': "'#v'" }], 'an escaped sign of a comment begins one, too')
  t.match(parseProperties('a=1\n\\#b=2', 'a.properties')[0]?.odd, [/^a\.properties:2: /])
  t.throws(() => parseProperties('a=1\nb=\\u12g4', 'a.properties'), { message: /a\.properties:2:3/, code: 'E_CONFIG_PROPERTIES' })
})

t.test('properties have the lines and columns that Spring Boot 4.0.5 gives them', async t => {
  const places = (text: string) => parseProperties(text, 'p').flatMap(({ properties }) =>
    [...properties].map(([key, { origin }]) => `${key} ${origin.line}:${origin.column}`))
  const cases: [text: string, places: string[]][] = [
    ['db\\:main=jdbc\numl\\u00e4ut=u\ncont = one, \\\n   two\nk=\\tx', ['db:main 1:9', 'umläut 2:8', 'cont 3:8', 'k 5:3']],
    ['pw=\nnone\nblank =   \nafter=1', ['pw 2:0', 'none 3:0', 'blank 4:0', 'after 4:7']],
    ['a=1\nz=', ['a 1:3', 'z 3:3']], ['a=1\nz =  ', ['a 1:3', 'z 3:6']], ['a=1\nz', ['a 1:3', 'z 3:2']], ['a=1\nz=\n', ['a 1:3', 'z 3:0']],
    ['a=\r\nb=1', ['a 2:0', 'b 2:3']], ['a=\\\n\nd=\\\n  x', ['a 3:0', 'd 4:3']],
    ['a=1\n!---  \nthird=t\nfourth=u', ['a 1:3', 'third 3:14', 'fourth 4:8']], ['#---\na=1\n#---\t\n\nb=1', ['a 2:3', 'b 5:3']],
    ['#--- \n# c\nb=1', ['b 3:3']], ['#--- \nf=\\\n x', ['f 3:2']],
    ['l[]=a,\\,b,\\u0041c , d\nm[]=,x\nn[]=a,\no[] = p\\\n , q', ['l[0] 1:5', 'l[1] 1:7', 'l[2] 1:10', 'l[3] 1:15', 'm[0] 2:5', 'm[1] 2:6', 'n[0] 3:5', 'o[0] 4:7', 'o[1] 5:4']]
  ]
  for (const [text, expected] of cases) t.same(places(text), expected, JSON.stringify(text))
})

t.test('any text is a properties file unless it has a bad \\u', async t => {
  const piece = fc.constantFrom('a', '=', ':', ' ', '\\', '\n', '\r', '#', '!', '#---', '[]', ',', 'u0041', '\t')
  holds(t, fc.property(fc.array(piece, { maxLength: 30 }).map(parts => parts.join('')), text => {
    try {
      for (const { properties } of parseProperties(text, 'p')) if (properties.has('')) return false
      return true
    } catch (error) {
      return String(error).startsWith('E_CONFIG_PROPERTIES p:')
    }
  }), 1000)
})

t.test('placeholders resolve as Spring resolves them', async t => {
  const values: Record<string, string> = {
    'a': '1', 'b': '${a}2', 'name': 'a', 'x.y': 'deep', 'url': 'http://h:80', 'with:colon': 'odd', 'loop': '${pool}', 'pool': '${loop}'
  }
  const resolve = (text: string) => resolvePlaceholders(text, name => values[name])
  t.equal(resolve('${a}-${b}'), '1-12')
  t.equal(resolve('${ a }${a }${ a:x}'), '${ a }${a }x', 'a blank belongs to the key')
  t.equal(resolve('${none: d }${ none:${ a}}'), ' d ${ a}', 'of a default as well')
  t.equal(resolve('${q.${name}} ${l1${l2${name}}} x ${q.${name}}.${c.${none}} y'), '${q.a} ${l1${l2a}} x ${q.a}.${c.${none}} y',
    'what is inside a placeholder that stands for nothing is filled in')
  t.equal(resolve('\\${q.${name}} \\${q:${name}} ${none:\\${a}}'), '${q.a} ${q:a} ${a}', 'and inside an escaped one')
  t.equal(resolve('${a ${name} ${x.${name'), '${a a ${x.${name', 'and after one without an end')
  t.equal(resolve('${{a}} ${} ${:x}'), '${{a}} ${} x')
  t.equal(resolvePlaceholders('<${s}>', () => ({ literal: 'ab${c}\\${d}' })), '<ab${c}\\${d}>', 'a literal value is no text to be resolved')
  t.throws(() => resolve('${'.repeat(60) + 'a' + '}'.repeat(60)), { code: 'E_CONFIG_PLACEHOLDER_LOOP' }, 'nesting is bounded')
  t.equal(resolve('${'.repeat(300_000)), '${'.repeat(300_000), 'in a time that grows as the text does')
  t.equal(resolve('${none:default}'), 'default')
  t.equal(resolve('${none:}'), '')
  t.equal(resolve('${none:${b}}'), '12')
  t.equal(resolve('${none:http://h:1/}'), 'http://h:1/', 'only the first colon parts key and default')
  t.equal(resolve('${${name}}'), '1')
  t.equal(resolve('${x.${no:y}}'), 'deep')
  t.equal(resolve('${with:colon}'), 'odd', 'a key with a colon is looked up first')
  t.equal(resolvePlaceholders('${a:${none}}', name => values[name], { unresolved: 'throw' }), '1', 'a default that is not needed is not looked at')
  t.equal(resolve('${none\\:x:y}-${with\\:colon}'), 'y-odd')
  t.equal(resolve('${missing}'), '${missing}')
  t.equal(resolve('\\${a} ${a}'), '${a} 1')
  t.equal(resolve('${a'), '${a')
  t.equal(resolve('$a $\\{seg} {b}'), '$a $\\{seg} {b}', 'no placeholder')
  t.equal(resolve('${none:{"json":{"x":1}}}'), '{"json":{"x":1}}', 'braces in a default balance')
  t.throws(() => resolve('${loop}'), { code: 'E_CONFIG_PLACEHOLDER_LOOP', message: /loop -> pool -> loop/ })
  t.throws(() => resolvePlaceholders('${q}', () => undefined, { unresolved: 'throw', where: 'a.yml:3' }),
    { code: 'E_CONFIG_PLACEHOLDER', message: /^a\.yml:3: placeholder "\$\{q\}" has no value/ })
  const growing = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`k${index}`, '${k' + (index + 1) + '}'.repeat(1) + '${k' + (index + 1) + '}']))
  t.throws(() => resolvePlaceholders('${k0}', name => growing[name] ?? 'xxxx'), { code: 'E_CONFIG_PLACEHOLDER_LOOP' }, 'growth is bounded')
})

t.test('relaxed names', async t => {
  const same = ['eureka.client.service-url.default-zone', 'eureka.client.serviceUrl.defaultZone', 'EUREKA.CLIENT.SERVICEURL.DEFAULTZONE',
    'eureka.client.service_url.default_zone']
  for (const name of same) t.equal(canonicalName(name), 'eureka.client.serviceurl.defaultzone', name)
  t.equal(canonicalName('a.b-c[0].D[x/Y].e'), 'a.bc[0].d[x/Y].e', 'brackets keep what is in them')
  t.equal(canonicalName('[x.y].z'), '[x.y].z')
  t.equal(splitName('a.'.repeat(500_000)).length, 101, 'a key without end is cut')
  t.equal(environmentKey('A_B_0_C'), 'a.b[0].c')
  t.equal(environmentKey('SERVER_PORT'), 'server.port')
  t.equal(environmentKey('_'), undefined)
  t.equal(environmentName('eureka.client.service-url.defaultZone'), 'EUREKA_CLIENT_SERVICEURL_DEFAULTZONE')
  t.equal(environmentName('routes[0].id'), 'ROUTES_0_ID')
  t.same(splitName('a[0][x.y].b.c'), [
    { text: 'a', bracket: false }, { text: '0', bracket: true }, { text: 'x.y', bracket: true }, { text: 'b', bracket: false },
    { text: 'c', bracket: false }
  ])
  const any = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('[', ']', '.', '-', '_', 'a', 'B', '0', 'é'), maxLength: 12 }))
  holds(t, fc.property(any, name => canonicalName(canonicalName(name)) === canonicalName(name)), 2000)
  const part = fc.stringMatching(/^[a-z][a-zA-Z-]{0,8}$/)
  holds(t, fc.property(fc.array(part, { minLength: 1, maxLength: 5 }).map(parts => parts.join('.')), name =>
    canonicalName(environmentKey(environmentName(name)) ?? '') === canonicalName(name)))
})

t.test('profile expressions', async t => {
  const active = new Set(['dev', 'eu'])
  const cases: Record<string, boolean> = {
    'dev': true, 'prod': false, '!prod': true, '!dev': false, 'dev & eu': true, 'dev & us': false, 'us | eu': true,
    'dev & (us | eu)': true, '!(dev & us)': true, '!!dev': true, '(dev)': true
  }
  for (const [text, value] of Object.entries(cases)) t.equal(matchesProfiles(text, active), value, text)
  for (const text of ['dev & eu | us', '', '(dev', 'dev)', '& dev', 'dev &', 'dev eu', '!']) {
    t.throws(() => matchesProfiles(text, active, 'a.yml:1'), { code: 'E_CONFIG_EXPRESSION', message: /^a\.yml:1: / }, text)
  }
})

t.test('texts become typed values, or nothing', async t => {
  t.same(['10s', '500ms', '1d', '2h', 'PT1M30S', 'P1DT1H', '250', '1.5s', '-5s', ' 3 m '].map(toDurationMs),
    [10_000, 500, 86_400_000, 7_200_000, 90_000, 90_000_000, 250, 1500, -5000, 180_000])
  t.same(['', 'x', '10 parsecs', 'P', 'PT'].map(toDurationMs), Array(5).fill(undefined))
  t.same(['10MB', '512KB', '7', '1GB', '3b'].map(toBytes), [10_485_760, 524_288, 7, 1_073_741_824, 3])
  t.same(['-2KB', '+3MB', '-1'].map(toBytes), [-2048, 3_145_728, -1])
  t.same(['1.5MB', 'MB', '99999999999TB', '--1'].map(toBytes), Array(4).fill(undefined))
  t.same(['PT-2S', 'PT+2S', 'P-1DT-2H', '-PT-2S'].map(toDurationMs), [-2000, 2000, -93_600_000, 2000])
  t.same(['0X2a', '#ff', '-0x2a', '010', '0x', '#', '3.0', '2e2'].map(toInteger),
    [42, 255, -42, 10, undefined, undefined, undefined, undefined])
  t.same(['2f', '2D', '0x1p2', '0x1.8p1', '-0x.8p1', '.5', '5.', '0xp1', '1e400', 'NaN', '2x'].map(toNumber),
    [2, 2, 4, 3, -1, 0.5, 5, undefined, undefined, undefined, undefined])
  t.same(['', ' ', 'a,,b', 'a,', ' a , b '].map(toList), [[], [''], ['a', '', 'b'], ['a', ''], ['a', 'b']])
  t.same(['1', '-7', '0x1F', '+3', '1.0', '1e3', '', '9007199254740993'].map(toInteger),
    [1, -7, 31, 3, undefined, undefined, undefined, undefined])
  t.same(['1.5', '.5', '-2e3', 'x', '', '1e999'].map(toNumber), [1.5, 0.5, -2000, undefined, undefined, undefined])
  t.same(['TRUE', 'on', 'yes', '1', 'False', 'off', 'no', '0', 'maybe', ''].map(toBoolean),
    [true, true, true, true, false, false, false, false, undefined, undefined])
  t.same(toList(' a , b,c'), ['a', 'b', 'c'])
  t.same(toList(''), [])
})
