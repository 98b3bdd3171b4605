/** What a client sends meets patterns: none may take longer than its text is long. */
import type { Attack, Theme } from '../attack.ts'
import { as, json, request } from './http.ts'

const SOURCE = 'security.md F6, F9'

const gateway = (name: string, line: string, fields: readonly string[] = []): Attack => ({
  name, source: SOURCE, door: 'gateway', own: true, bytes: request(line, fields), must: { status: [200, 400, 404, 414, 431] }, patienceMs: 1500
})

const SCHEMAS: ReadonlyArray<readonly [string, object]> = [
  ['pattern', { properties: { a: { pattern: '^(a+)+$' } } }], ['patternProperties', { patternProperties: { '^(a+)+$': true } }],
  ['patternProperties below', { properties: { a: { patternProperties: { '^(a|a)*$': true } } } }], ['propertyNames', { propertyNames: { pattern: '^(a|aa)+$' } }],
  ['a definition', { $defs: { x: { pattern: '^(a*)*$' } }, properties: { a: { $ref: '#/$defs/x' } } }],
  ['not', { properties: { a: { not: { pattern: '^(\\w+\\s?)*$' } } } }], ['a format', { properties: { a: { type: 'string', format: 'email' } } }],
  ['a reference to itself', { $ref: '#' }], ['a reference to a file', { $ref: 'file:///etc/passwd' }],
  ['a reference to a server', { $ref: 'http://127.0.0.1:{witness}/{mark}' }], ['nested thrice', { properties: { a: { pattern: '^((a+)+)+$' } } }],
  ['a back reference', { properties: { a: { pattern: '^(a+)\\1+$' } } }], ['lookbehind', { properties: { a: { pattern: '(?<=(a+)+)b' } } }],
  ['quantifiers of many', { properties: { a: { pattern: '^(a?){50}a{50}$' } } }], ['unique items', { properties: { a: { uniqueItems: true } } }]
]

export const PATTERNS: Theme = {
  name: 'patterns',
  alone: true,
  about: 'texts that make patterns take for ever',
  attacks: [
    ...[500, 1950, 3900].map(count => gateway(`segments, ${count}`, `GET /s/${'a-'.repeat(count)}y`)),
    ...[500, 1600].map(count => gateway(`wildcards, ${count}`, `GET /m${'/b/c'.repeat(count)}`)),
    ...[30, 3000].map(count => gateway(`an expression of the operator, ${count}`, 'GET /e/x', [`X-E: ${'a'.repeat(count)}!`])),
    ...[30, 3000].map(count => gateway(`a rewritten path, ${count}`, `GET /r/${'x'.repeat(count)}z`)),
    gateway('slashes', `GET ${'/'.repeat(7000)}x`), gateway('dots', `GET /${'./'.repeat(3500)}x`), gateway('parameters', `GET /x${';'.repeat(7000)}`),
    gateway('per cent signs', `GET /${'%2e'.repeat(2300)}`), gateway('a query of separators', `GET /x?${'&'.repeat(7000)}`), gateway('a query of signs', `GET /x?${'=&'.repeat(3500)}`),
    gateway('cookies', 'GET /x', [`Cookie: ${'a=b; '.repeat(1500)}`]), gateway('separators of cookies', 'GET /x', [`Cookie: ${';'.repeat(8000)}`]),
    gateway('a list of codings', 'GET /x', [`Accept-Encoding: ${'gzip;q=0,'.repeat(800)}`]), gateway('a list of ranges', 'GET /x', [`Range: bytes=${'0-1,'.repeat(1800)}`]),
    gateway('forwarded for many', 'GET /x', [`X-Forwarded-For: ${'1.1.1.1, '.repeat(800)}`]), gateway('forwarded with quotes', 'GET /x', [`Forwarded: ${'for="'.repeat(1400)}`]),
    gateway('a trace state', 'GET /x', [`tracestate: ${'a=b,'.repeat(1900)}`]), gateway('baggage', 'GET /x', [`baggage: ${'a=b;c=d,'.repeat(900)}`]),
    gateway('blanks in a value', 'GET /x', [`X-E: ${' a'.repeat(3500)}`]), gateway('blanks before a value', 'GET /x', [`X-E:${' '.repeat(7000)}a`]),
    gateway('directives', 'GET /shared/x', [`Cache-Control: ${'max-age=1,'.repeat(750)}`]), gateway('directives with quotes', 'GET /shared/x', [`Cache-Control: ${'a="'.repeat(2000)}`]),
    ...SCHEMAS.map(([name, schema]): Attack => ({
      name: `a schema: ${name}`, source: SOURCE, door: 'config', own: true, profiles: ['local'], patienceMs: 20_000,
      bytes: json('POST /_config/validate/orders/dev', { files: { 'orders.yml': `a: ${'a'.repeat(40)}!\n${'a'.repeat(40)}!: 1`, 'orders.schema.json': JSON.stringify(schema) } }),
      must: { has: ['HTTP/1.1 '], lacks: ['root:x:'], unheard: ['.'] }
    })),
    ...['a: ' + '${a'.repeat(500), `a: "${'${b:'.repeat(400)}x${'}'.repeat(400)}"`, 'a: ${b}\nb: ${a}', `a: ${'['.repeat(3000)}`, `a: ${'{a: '.repeat(1500)}`,
      `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_none, at) => `${'bcdefghij'[at]!}: &${'bcdefghij'[at]!} [${`*${'abcdefghi'[at]!},`.repeat(9)}]`).join('\n')}`,
      `? ${'- '.repeat(3000)}`, 'a: !!js/function "x"', 'a: !!python/object/apply:os.system ["x"]', 'a: {<<: *a}', `__proto__: {polluted: 1}`, 'constructor: {prototype: {polluted: 1}}',
      `a[99999999]: 1`, `a[0][0][0][0]: 1`, `${'a.'.repeat(3000)}b: 1`, 'a: "{cipher}00"', `a: "{cipher}${'f'.repeat(4000)}"`, `a: ${'9'.repeat(4000)}`, `a: 1${':59'.repeat(1300)}`,
      'a: "\\uD800"', `a: |\n${' \n'.repeat(2000)}`, `%YAML 9.9\n---\na: 1`, `${'---\n'.repeat(1500)}`, 'a: *unknown', 'import: x\nspring.config.import: file:/etc/passwd'].map((text, at): Attack => ({
      name: `a file: ${at + 1}, ${JSON.stringify(text.slice(0, 24))}`, source: 'security.md, "placeholder and alias bombs"; config-server.md F1', door: 'config', own: true, profiles: ['secured'],
      bytes: json('POST /_config/validate/orders/dev', { files: { 'orders.yml': text } }, [as('reader')]), patienceMs: 10_000,
      must: { has: ['HTTP/1.1 '], lacks: ['root:x:', 'HTTP/1.1 500'] }
    }))
  ]
}
