/** Attributes are cut out of a document's text; every other byte stays. */
import fc from 'fast-check'
import t from 'tap'
import { cutAttributes } from '../filters/json-cut.ts'

const cut = (text: string, names: string[], deep = false) =>
  cutAttributes(Buffer.from(text), new Set(names), deep).toString()

t.test('what goes, and that all else stays as it was written', async t => {
  const table: Array<[from: string, to: string, deep?: boolean]> = [
    ['{"id":1,"orderId":1234567890123456789}', '{"orderId":1234567890123456789}'],
    ['{"n":12345678901234567890,"f":1.0,"e":1e400}', '{"n":12345678901234567890,"f":1.0,"e":1e400}'],
    ['{"id":1}', '{}'],
    ['{ "id" : 1 }', '{  }'],
    ['{"id":1,"id":2}', '{}'],
    ['{"id":1,"id":2,"a":3,"id":4}', '{"a":3}'],
    ['{"a":1,"id":2,"b":3}', '{"a":1,"b":3}'],
    ['{"a":1 , "id" : [1,{"x":2}] }', '{"a":1  }'],
    ['{\n  "id": 1,\n  "a": 1.50,\n  "a": "x"\n}', '{\n  "a": 1.50,\n  "a": "x"\n}'],
    ['{"\\u0069d":1,"i\\u0064":2,"iD":3}', '{"iD":3}'],
    ['{"__proto__":{"id":1},"constructor":1}', '{"__proto__":{"id":1},"constructor":1}'],
    ['{"a":{"id":1},"l":[{"id":2}]}', '{"a":{"id":1},"l":[{"id":2}]}'],
    ['{"a":{"id":1},"l":[{"id":2,"k":[{"id":3}]}]}', '{"a":{},"l":[{"k":[{}]}]}', true],
    ['{"id":{"id":1,"a":2},"b":1}', '{"b":1}', true],
    ['[{"id":1}]', '[{"id":1}]'],
    ['[{"id":1,"a":2},{"id":3}]', '[{"a":2},{}]', true],
    ['"id"', '"id"'], ['1', '1'], [' null ', ' null '],
    ['{"s":"\\"id\\":1,\\\\","id":1}', '{"s":"\\"id\\":1,\\\\"}'],
    ['{"ü":"€","id":"😀","b":"😀"}', '{"ü":"€","b":"😀"}']
  ]
  for (const [from, to, deep] of table) t.equal(cut(from, ['id'], deep), to, from)
  t.equal(cut('{"ключ":1,"b":2}', ['ключ']), '{"b":2}')
})

t.test('what is no JSON is refused, whatever is wrong with it', async t => {
  for (const text of ['', '{', '{"a":1', '{"a":1,}', '{,}', '[1,]', '{"a" 1}', '{a:1}', '01', '1.', '.5', '+1', '-', '1e', 'nul', 'NaN', '"', '"\\x"', '"\\u12"',
    '"\n"', '{} {}', '{"a":1}x', '[1 2]', '\ufeff{}', '{"a":"\\', '\'a\'', '[', ']', '{"id":tru}']) {
    t.throws(() => cut(text, ['id']), { message: /no JSON/ }, JSON.stringify(text))
  }
  t.equal(cut('['.repeat(1_000) + ']'.repeat(1_000), ['id'], true).length, 2_000)
  t.throws(() => cut('['.repeat(1_002) + ']'.repeat(1_002), ['id']), { message: /deeper than 1000/ })
})

t.test('the same as taking them out of the parsed document', async () => {
  const without = (value: unknown, deep: boolean, root = true): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return deep ? value.map(item => without(item, deep, false)) : value
    if (!root && !deep) return value
    return Object.fromEntries(Object.entries(value).filter(([name]) => !['a', 'id'].includes(name)).map(([name, item]) => [name, deep ? without(item, deep, false) : item]))
  }
  const value = fc.letrec(tie => ({
    any: fc.oneof({ depthSize: 'medium' }, fc.string({ unit: 'binary' }), fc.integer(), fc.boolean(), fc.constant(null), fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom('a', 'b', 'id', 'idx', '"', '\\', 'ü'), tie('any'), { maxKeys: 5 }))
  })).any
  // By text: of two parsed documents a difference in an escaped name was shown once that no replay showed again.
  fc.assert(fc.property(value, fc.boolean(), (document, deep) =>
    cut(JSON.stringify(document), ['a', 'id'], deep) === JSON.stringify(without(document, deep))), { numRuns: 500 })
})

t.test('its time grows as the body does', async t => {
  const text = (n: number) => `{${'"id":1,'.repeat(n)}"s":"${'\\"'.repeat(n)}"}`
  t.equal(cut(text(300_000), ['id']).length, 600_000 + 8)
})
