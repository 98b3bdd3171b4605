/** Two readings of where one request ends: lengths, chunks, line ends, folded fields. */
import type { Attack, Theme } from '../attack.ts'
import { request } from './http.ts'

const SOURCE = 'security.md, "Tried and found sound", HTTP/1 framing; RFC 9112, 6 and 7'
/** What a second reading would find. */
const SMUGGLED = 'GET /smuggled-{mark} HTTP/1.1\r\nHost: {host}\r\n\r\n'
const NOBODY = ['^[A-Z]+ /smuggled', '^MALFORMED']

/** Fields that leave two readings: the request must not be served. */
const TWO_READINGS: ReadonlyArray<readonly [string, readonly string[], string]> = [
  ['both framings', ['Content-Length: 5', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`],
  ['both framings, the other order', ['Transfer-Encoding: chunked', 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`],
  ['both, the length covers the chunks', ['Content-Length: 4', 'Transfer-Encoding: chunked'], `2a\r\n${SMUGGLED}0\r\n\r\n`],
  ['two lengths', ['Content-Length: 0', `Content-Length: ${60}`], SMUGGLED],
  ['two lengths, the other order', ['Content-Length: 60', 'Content-Length: 0'], SMUGGLED],
  ['a list of lengths', ['Content-Length: 0, 60'], SMUGGLED],
  ['a length with a sign', ['Content-Length: +0'], SMUGGLED],
  ['a negative length', ['Content-Length: -1'], SMUGGLED],
  ['a length in hex', ['Content-Length: 0x0'], SMUGGLED],
  ['a length with a point', ['Content-Length: 0.0'], SMUGGLED],
  ['a length with an exponent', ['Content-Length: 0e1'], SMUGGLED],
  ['a length with a blank inside', ['Content-Length: 0 60'], SMUGGLED],
  ['a length in other digits', ['Content-Length: \xd9\xa0'], SMUGGLED],
  ['no length', ['Content-Length:'], SMUGGLED],
  ['a length beyond 64 bits', ['Content-Length: 18446744073709551616'], SMUGGLED],
  ['a length in quotes', ['Content-Length: "0"'], SMUGGLED],
  ['chunked twice', ['Transfer-Encoding: chunked, chunked'], `0\r\n\r\n${SMUGGLED}`],
  ['chunked twice in two fields', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'], `0\r\n\r\n${SMUGGLED}`],
  ['chunked and identity', ['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${SMUGGLED}`],
  ['identity and chunked', ['Transfer-Encoding: identity, chunked'], `0\r\n\r\n${SMUGGLED}`],
  ['an unknown coding', ['Transfer-Encoding: cow'], `0\r\n\r\n${SMUGGLED}`],
  ['an unknown coding and chunked', ['Transfer-Encoding: cow, chunked'], `0\r\n\r\n${SMUGGLED}`],
  ['two fields, chunked first', ['Transfer-Encoding: chunked', 'Transfer-Encoding: cow'], `0\r\n\r\n${SMUGGLED}`],
  ['chunked with a vertical tab', ['Transfer-Encoding: \x0bchunked'], `0\r\n\r\n${SMUGGLED}`],
  ['chunked with a form feed', ['Transfer-Encoding: chunked\x0c'], `0\r\n\r\n${SMUGGLED}`],
  ['chunked with a NUL', ['Transfer-Encoding: chunked\0'], `0\r\n\r\n${SMUGGLED}`],
  ['chunked in quotes', ['Transfer-Encoding: "chunked"'], `0\r\n\r\n${SMUGGLED}`],
  ['chunked with a parameter', ['Transfer-Encoding: chunked;q=1'], `0\r\n\r\n${SMUGGLED}`],
  ['xchunked', ['Transfer-Encoding: xchunked'], `0\r\n\r\n${SMUGGLED}`],
  ['an empty coding', ['Transfer-Encoding:'], `0\r\n\r\n${SMUGGLED}`],
  ['a blank before the colon', ['Transfer-Encoding : chunked', 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`],
  ['a tab before the colon', ['Content-Length\t: 5'], `0\r\n\r\n${SMUGGLED}`],
  ['a folded coding', ['Transfer-Encoding:\r\n chunked', 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`],
  ['a folded field', ['X-A: 1\r\n Content-Length: 60'], SMUGGLED],
  ['a field that begins with a blank', [' Content-Length: 60'], SMUGGLED],
  ['a bare CR in a value', ['X-A: 1\rContent-Length: 60'], SMUGGLED],
  ['a bare LF in a value', ['X-A: 1\nContent-Length: 60'], SMUGGLED],
  ['a NUL in a name', ['Content-Length\0: 60'], SMUGGLED],
  ['a name with a quote', ['"Content-Length": 60'], SMUGGLED],
  ['no name', [': 60'], SMUGGLED],
  ['no colon', ['Content-Length 60'], SMUGGLED],
  ['a line of CR only', ['\r'], SMUGGLED]
]

const CHUNKS: ReadonlyArray<readonly [string, string]> = [
  ['a size with a sign', `+0\r\n\r\n${SMUGGLED}`],
  ['a size in 0x', `0x0\r\n\r\n${SMUGGLED}`],
  ['a size with a blank before it', ` 0\r\n\r\n${SMUGGLED}`],
  ['a size beyond 64 bits', `10000000000000000\r\n${SMUGGLED}`],
  ['a negative size', `-1\r\n${SMUGGLED}`],
  ['a size of underscores', `0_0\r\n\r\n${SMUGGLED}`],
  ['no size', `\r\n\r\n${SMUGGLED}`],
  ['a size ended by LF', `0\n\r\n${SMUGGLED}`],
  ['a size ended by CR', `0\r\r\n${SMUGGLED}`],
  ['an extension with LF', `0;a\nb\r\n\r\n${SMUGGLED}`],
  ['an extension with CR', `0;a\rb\r\n\r\n${SMUGGLED}`],
  ['an extension with NUL', `0;a=\0\r\n\r\n${SMUGGLED}`],
  ['data longer than its size', `1\r\nab\r\n0\r\n\r\n${SMUGGLED}`],
  ['data without its line end', `1\r\na0\r\n\r\n${SMUGGLED}`],
  ['data ended by LF', `1\r\na\n0\r\n\r\n${SMUGGLED}`],
  ['a trailer with a bare LF', `0\r\nX: 1\nY: 2\r\n\r\n${SMUGGLED}`],
  ['a trailer with a blank before the colon', `0\r\nX : 1\r\n\r\n${SMUGGLED}`],
  ['a trailer that is folded', `0\r\nX: 1\r\n 2\r\n\r\n${SMUGGLED}`],
  ['a size in other digits', `\xef\xbc\x90\r\n\r\n${SMUGGLED}`],
  ['a size of 20 zeros and a line without end', `00000000000000000000${'0'.repeat(70_000)}\r\n\r\n`]
]

const LINES: ReadonlyArray<readonly [string, string]> = [
  ['no version', 'GET /{mark}\r\nHost: {host}\r\n\r\n'],
  ['two blanks', 'GET  /{mark} HTTP/1.1\r\nHost: {host}\r\n\r\n'],
  ['a tab', 'GET\t/{mark}\tHTTP/1.1\r\nHost: {host}\r\n\r\n'],
  ['version 1.10', 'GET /{mark} HTTP/1.10\r\nHost: {host}\r\n\r\n'],
  ['version 3.0', 'GET /{mark} HTTP/3.0\r\nHost: {host}\r\n\r\n'],
  ['version in lower case', 'GET /{mark} http/1.1\r\nHost: {host}\r\n\r\n'],
  ['a method with a colon', 'GE:T /{mark} HTTP/1.1\r\nHost: {host}\r\n\r\n'],
  ['a target with a blank', 'GET /{mark} /x HTTP/1.1\r\nHost: {host}\r\n\r\n'],
  ['a target with LF', 'GET /{mark}\n HTTP/1.1\r\nHost: {host}\r\n\r\n'],
  ['a target with CR', 'GET /{mark}\r HTTP/1.1\r\nHost: {host}\r\n\r\n'],
  ['a target with NUL', 'GET /{mark}\0 HTTP/1.1\r\nHost: {host}\r\n\r\n'],
  ['a target that is no path', 'GET {mark} HTTP/1.1\r\nHost: {host}\r\n\r\n'],
  ['a target with a fragment', 'GET /{mark}#/x HTTP/1.1\r\nHost: {host}\r\n\r\n'],
  ['the asterisk of GET', 'GET * HTTP/1.1\r\nHost: {host}\r\nX: {mark}\r\n\r\n'],
  ['CONNECT', 'CONNECT 127.0.0.1:{witness} HTTP/1.1\r\nHost: 127.0.0.1:{witness}\r\nX: {mark}\r\n\r\n'],
  ['absolute form of another scheme', 'GET ftp://{host}/{mark} HTTP/1.1\r\nHost: {host}\r\n\r\n'],
  ['absolute form with user info', 'GET http://a:b@{host}/{mark} HTTP/1.1\r\nHost: {host}\r\n\r\n'],
  ['no Host', 'GET /{mark} HTTP/1.1\r\n\r\n'],
  ['two Hosts', 'GET /{mark} HTTP/1.1\r\nHost: {host}\r\nHost: other\r\n\r\n'],
  ['a Host with a path', 'GET /{mark} HTTP/1.1\r\nHost: {host}/x\r\n\r\n'],
  ['a Host with user info', 'GET /{mark} HTTP/1.1\r\nHost: a@{host}\r\n\r\n'],
  ['a Host with a blank', 'GET /{mark} HTTP/1.1\r\nHost: a b\r\n\r\n'],
  ['a Host with a port that is none', 'GET /{mark} HTTP/1.1\r\nHost: a:99999x\r\n\r\n'],
  ['version 1.0 with chunks', 'POST /{mark} HTTP/1.0\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n']
]

/** May be served, as long as there is one request of it. */
const ONE_READING: ReadonlyArray<readonly [string, readonly string[], string]> = [
  ['a GET with a body', ['Content-Length: 5'], 'abcde'],
  ['equal lengths', ['Content-Length: 5', 'Content-Length: 5'], 'abcde'],
  ['leading zeros', ['Content-Length: 005'], 'abcde'],
  ['an extension', ['Transfer-Encoding: chunked'], '1;a="b;c"\r\na\r\n0\r\n\r\n'],
  ['a trailer that pretends', ['Transfer-Encoding: chunked'], '0\r\nContent-Length: 60\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n'],
  ['Expect', ['Expect: 100-continue', 'Content-Length: 5'], 'abcde'],
  ['an Expect that nobody knows', ['Expect: cow', 'Content-Length: 5'], 'abcde'],
  ['h2c', ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'], ''],
  ['h2c with a body', ['Connection: Upgrade', 'Upgrade: h2c', `Content-Length: ${SMUGGLED.length}`], ''],
  ['hop-by-hop by Connection', ['Connection: close, content-length', 'Content-Length: 5'], 'abcde'],
  ['transfer-encoding by Connection', ['Connection: close, transfer-encoding', 'Transfer-Encoding: chunked'], '5\r\nabcde\r\n0\r\n\r\n'],
  ['host by Connection', ['Connection: close, host'], ''],
  ['TE', ['TE: trailers, chunked', 'Connection: TE'], ''],
  ['underscores', ['Transfer_Encoding: chunked', 'Content_Length: 60'], '']
]

const twoReadings = TWO_READINGS.flatMap(([name, fields, body]): Attack[] => ['POST', 'GET'].map(method => ({
  name: `${method}, ${name}`, source: SOURCE, door: 'gateway', bytes: request(`${method} /{mark}`, fields, body),
  must: { refused: true, unheard: NOBODY }
})))

export const FRAMING: Theme = {
  name: 'framing',
  about: 'two readings of where one request ends',
  attacks: [
    ...twoReadings,
    ...CHUNKS.map(([name, body]): Attack => ({
      name: `chunks: ${name}`, source: SOURCE, door: 'gateway', patienceMs: 4_000,
      bytes: request('POST /{mark}', ['Transfer-Encoding: chunked'], body), must: { refused: true, unheard: NOBODY }
    })),
    ...LINES.map(([name, bytes]): Attack => ({
      name: `line: ${name}`, source: `${SOURCE}; gateway.md F10`, door: 'gateway', bytes, must: { refused: true, unheard: ['.'] }
    })),
    ...ONE_READING.flatMap(([name, fields, body]): Attack[] => ['POST', 'GET'].map(method => ({
      name: `one reading, ${method}: ${name}`, source: `${SOURCE}; security.md F16`, door: 'gateway',
      bytes: request(`${method} /{mark}`, fields, body),
      must: { unheard: [...NOBODY, '\\ntransfer_encoding:', '\\ncontent_length:', '\\nx-forwarded-for: 1\\.2\\.3\\.4'] }
    }))),
    ...['registry', 'config', 'bus', 'users', 'admin'].flatMap((door): Attack[] => TWO_READINGS.slice(0, 3).map(([name, fields, body]) => ({
      name: `${door}: ${name}`, source: SOURCE, door: door as Attack['door'],
      bytes: request('POST /{mark}', fields, body), must: { refused: true }
    })))
  ]
}
