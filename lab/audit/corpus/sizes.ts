/** More than anybody means: heads, bodies, depth, counts. Each server has a bound, and says so by an answer. */
import type { Attack, Door, Theme } from '../attack.ts'
import { as, request, withBody } from './http.ts'

const SOURCE = 'security.md, sound design of C ("everything buffered for a peer is counted in bytes"); config-server.md F19'
const DOORS: readonly Door[] = ['gateway', 'admin', 'registry', 'config', 'bus', 'users']
const JSON_DOORS: ReadonlyArray<readonly [Door, string, string]> = [
  ['registry', 'POST /eureka/apps/BOMB', 'writer'], ['registry', 'POST /eureka/peerreplication/batch/', 'writer'], ['bus', 'POST /queues/bomb', 'writer'],
  ['bus', 'POST /topics/bomb', 'writer'], ['bus', 'PUT /topics/x/subscriptions/y', 'writer'], ['bus', 'POST /queues/x/settle', 'writer'],
  ['bus', 'POST /queues/x/dead/redrive', 'writer'], ['bus', 'POST /queues/x/extend', 'writer'], ['bus', 'POST /queues/x/receive', 'writer'],
  ['config', 'POST /_config/validate/orders/dev', 'root'], ['admin', 'POST /actuator/gateway/explain', 'root'], ['users', 'POST /users', 'writer']
]

const BOMBS: ReadonlyArray<readonly [string, string]> = [
  ['lists in lists', '['.repeat(100_000)], ['objects in objects', '{"a":'.repeat(50_000)], ['whole lists in lists', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ['__proto__', '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}'], ['a list for an object', '[]'], ['null', 'null'], ['a text', '"x"'], ['a number', '1e999'],
  ['nothing', ''], ['half a text', '{"a":"'], ['doubled names', '{"instance":{},"instance":null,"messages":[],"messages":5}'], ['no UTF-8', '{"a":"\xff\xfe"}'], ['NUL', '{"a":"\\u0000"}'],
  ['a lone half of a pair', '{"a":"\\ud800"}'], ['numbers without end', `{"a":${'9'.repeat(100_000)}}`], ['ten thousand names', JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_none, at) => [`n${at}`, at])))]
]

const XML: ReadonlyArray<readonly [string, string]> = [
  ['an entity of a file', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><instance><hostName>&x;</hostName></instance>'],
  ['an entity of a server', '<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1:{witness}/{mark}">]><instance><hostName>&x;</hostName></instance>'],
  ['entities of entities', `<!DOCTYPE a [<!ENTITY a0 "x">${Array.from({ length: 12 }, (_none, at) => `<!ENTITY a${at + 1} "${`&a${at};`.repeat(10)}">`).join('')}]><instance><hostName>&a12;</hostName></instance>`],
  ['a parameter entity', '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:{witness}/{mark}"> %x;]><instance/>'],
  ['elements in elements', '<a>'.repeat(50_000)], ['attributes', `<instance ${Array.from({ length: 5000 }, (_none, at) => `a${at}="1"`).join(' ')}/>`],
  ['half an element', '<instance><hostName'], ['a comment without end', `<instance><!-- ${'-'.repeat(20_000)}`], ['an inclusion', '<instance xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd" parse="text"/></instance>']
]

const OVER: ReadonlyArray<readonly [string, (door: Door) => string]> = [
  ['a target of 100 KB', () => request(`GET /${'a'.repeat(100_000)}`)], ['a query of 100 KB', () => request(`GET /x?${'a'.repeat(100_000)}`)],
  ['a field of 100 KB', () => request('GET /x', [`X-A: ${'a'.repeat(100_000)}`])], ['a name of 100 KB', () => request('GET /x', [`${'a'.repeat(100_000)}: 1`])],
  ['5000 fields', () => request('GET /x', Array.from({ length: 5000 }, (_none, at) => `X-${at}: 1`))], ['a method of 100 KB', () => request(`${'A'.repeat(100_000)} /x`)],
  ['a length of a terabyte', () => request('POST /x', ['Content-Type: application/json', 'Content-Length: 1099511627776'])],
  ['a chunk of a terabyte', () => request('POST /x', ['Content-Type: application/json', 'Transfer-Encoding: chunked'], 'ffffffffff\r\nx')]
]

export const SIZES: Theme = {
  name: 'sizes',
  alone: true,
  about: 'more than anybody means',
  attacks: [
    ...DOORS.flatMap(door => OVER.slice(0, 6).map(([name, bytes]): Attack => ({ name: `${door}: ${name}`, source: SOURCE, door, bytes: bytes(door), must: { refused: true } }))),
    ...DOORS.filter(door => door !== 'gateway').flatMap(door => OVER.slice(6).map(([name, bytes]): Attack => ({
      name: `${door}: ${name}`, source: SOURCE, door, bytes: bytes(door), patienceMs: 1000, must: { lacks: ['HTTP/1.1 200', 'HTTP/1.1 500'] }
    }))),
    { name: 'gateway: a length of a terabyte', source: SOURCE, door: 'gateway', own: true, bytes: request('POST /{mark}', ['Content-Length: 1099511627776']), must: { status: [413] } },
    { name: 'gateway: chunks beyond what a body may have', source: SOURCE, door: 'gateway', own: true,
      bytes: request('POST /{mark}', ['Transfer-Encoding: chunked'], `${'ffff\r\n'}${'a'.repeat(65_535)}\r\n`.repeat(20)), must: { status: [413] } },
    ...JSON_DOORS.flatMap(([door, line, user]) => BOMBS.flatMap(([name, body]): Attack[] => [{
      name: `${door} ${line}: ${name}`, source: `${SOURCE}; security.md F12`, door,
      bytes: withBody(line, body, ['Content-Type: application/json', as(user), 'Idempotency-Key: {mark}']), must: { lacks: ['HTTP/1.1 500', 'Cannot read', 'undefined'], has: ['HTTP/1.1 '] }
    }])),
    ...JSON_DOORS.map(([door, line, user]): Attack => ({
      name: `${door} ${line}: 40 MB`, source: SOURCE, door, patienceMs: 3000, bytes: request(line, ['Content-Type: application/json', as(user), `Content-Length: ${40 * 1024 * 1024}`], ' '.repeat(2 * 1024 * 1024)),
      must: { lacks: ['HTTP/1.1 2', 'HTTP/1.1 500'] }
    })),
    ...XML.map(([name, body]): Attack => ({
      name: `registry, XML: ${name}`, source: 'security.md, "Registry: XXE, entity bombs"', door: 'registry', bytes: withBody('POST /eureka/apps/BOMB', body, ['Content-Type: application/xml', as('writer')]),
      must: { status: [400, 413, 415], lacks: ['root:x:'], unheard: ['.'] }
    })),
    ...['gzip', 'deflate', 'br', 'cow', 'gzip, gzip', 'identity, gzip'].map((coding): Attack => ({
      name: `registry: a body said to be ${coding}`, source: 'security.md, "gzip bombs"', door: 'registry',
      bytes: withBody('POST /eureka/apps/BOMB', '\x1f\x8b\x08\0\0\0\0\0\0\x03', ['Content-Type: application/json', `Content-Encoding: ${coding}`, as('writer')]), must: { status: [400, 413, 415] }
    }))
  ]
}
