/** Peers that take their time: each phase of a connection has an end that trickling does not move. */
import type { Attack, Door, Theme } from '../attack.ts'
import { request } from './http.ts'

const SOURCE = 'security.md F7 and "Slow clients"'
/** The stack's header-timeout and body-timeout are 2 s; the clock of deadlines is coarse, and the machine busy. */
const SOON_MS = 9_000
const ENDS = { endsWithinMs: SOON_MS }
const slow = { slow: true, own: true, patienceMs: SOON_MS + 1_000, door: 'gateway' as const, source: SOURCE }

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const SETTINGS = frame(4, 0, 0, '')
/** Settings are agreed upon: from here on a connection may be idle. */
const AGREED = PREFACE + SETTINGS + frame(4, 1, 0, '')
/** `:method GET`, `:scheme http`, `:path /` of the static table. */
const HEAD = '\x82\x86\x84'

function frame (type: number, flags: number, stream: number, payload: string, length = payload.length): string {
  return String.fromCharCode(length >> 16, (length >> 8) & 255, length & 255, type, flags, 0, 0, 0, stream) + payload
}

const begun = request('GET /{mark}').slice(0, -2)

const ONE: ReadonlyArray<readonly [string, string]> = [
  ['nothing at all', ''], ['half a request line', 'GET /{mark}'], ['half a head', begun], ['a head without its last line', `${begun}X-A: 1\r\n`], ['empty lines', '\r\n\r\n'],
  ['half a body', request('POST /{mark}', ['Content-Length: 100'], 'half')], ['half a chunk', request('POST /{mark}', ['Transfer-Encoding: chunked'], '64\r\nhalf')],
  ['half a size', request('POST /{mark}', ['Transfer-Encoding: chunked'], '6')], ['half a trailer', request('POST /{mark}', ['Transfer-Encoding: chunked'], '0\r\nX: ')],
  ['no body after Expect', request('POST /{mark}', ['Content-Length: 100', 'Expect: 100-continue'])]
]

const TRICKLED: ReadonlyArray<readonly [string, string, string]> = [
  ['fields without end', begun, 'X-A: 1\r\n'], ['a field without end', `${begun}X-A: `, 'a'], ['a line without end', 'GET /{mark}', 'a'], ['empty lines without end', '', '\r\n']
]

const TWO: ReadonlyArray<readonly [string, string]> = [
  ['half a preface', PREFACE.slice(0, 10)], ['no SETTINGS', PREFACE], ['half of SETTINGS', PREFACE + SETTINGS.slice(0, 5)],
  ['no acknowledgement', PREFACE + SETTINGS],
  ['a head that never ends', AGREED + frame(1, 1, 1, HEAD)], ['half a frame of a head', AGREED + frame(1, 5, 1, HEAD, 100)],
  ['a head that never ends, with a body to come', AGREED + frame(1, 0, 1, HEAD)], ['half a frame of data', AGREED + frame(1, 4, 1, HEAD) + frame(0, 0, 1, 'x', 100)],
  ['a body that never ends', AGREED + frame(1, 4, 1, HEAD)], ['half a PING', AGREED + frame(6, 0, 0, 'x', 8)]
]

const FLOODS: ReadonlyArray<readonly [string, string]> = [
  ['PING', frame(6, 0, 0, '12345678').repeat(20_000)], ['SETTINGS', SETTINGS.repeat(20_000)], ['CONTINUATION', frame(1, 1, 1, HEAD) + frame(9, 0, 1, `\0\x01a\x7f${'\x80'.repeat(3)}`).repeat(20_000)],
  ['empty CONTINUATION', frame(1, 1, 1, HEAD) + frame(9, 0, 1, '').repeat(40_000)],
  ['resets', Array.from({ length: 120 }, (_none, at) => frame(1, 5, at * 2 + 1, HEAD) + frame(3, 0, at * 2 + 1, '\0\0\0\x08')).join('').repeat(50)],
  ['PRIORITY', frame(2, 0, 3, '\0\0\0\0\x10').repeat(30_000)], ['empty data', frame(1, 4, 1, HEAD) + frame(0, 0, 1, '').repeat(40_000)], ['window updates', frame(8, 0, 0, '\0\0\0\x01').repeat(40_000)],
  ['a window of nothing', frame(8, 0, 0, '\0\0\0\0')], ['a stream of the server', frame(1, 5, 2, HEAD)], ['a frame of 16 MB', frame(0, 0, 1, 'x', 0xffffff)], ['an index that is none', frame(1, 5, 1, '\xff\xff\xff\xff\xff\xff')],
  ['a push', frame(5, 4, 1, '\0\0\0\x02')], ['unknown frames', frame(0x77, 0, 0, 'x').repeat(30_000)]
]

const others = (['registry', 'config', 'bus', 'users', 'admin'] as const satisfies readonly Door[])

export const SLOW: Theme = {
  name: 'slow',
  about: 'clients that take their time, and floods',
  attacks: [
    ...ONE.map(([name, bytes]): Attack => ({ ...slow, name: `HTTP/1: ${name}`, bytes, must: ENDS })),
    ...TRICKLED.map(([name, bytes, piece]): Attack => ({ ...slow, name: `HTTP/1, trickled: ${name}`, bytes, trickle: { piece, everyMs: 200 }, must: ENDS })),
    ...TWO.map(([name, bytes]): Attack => ({ ...slow, name: `HTTP/2: ${name}`, bytes, must: ENDS })),
    { ...slow, name: 'HTTP/2, trickled: CONTINUATION', bytes: AGREED + frame(1, 1, 1, HEAD), trickle: { piece: frame(9, 0, 1, ''), everyMs: 200 }, must: ENDS },
    ...FLOODS.map(([name, bytes]): Attack => ({
      name: `HTTP/2, flood: ${name}`, source: 'security.md, "floods of 16 kinds"', door: 'gateway', own: true, bytes: AGREED + bytes, patienceMs: 1500, must: {}
    })),
    ...['half an upload, then away', 'half a chunk, then away'].map((name, at): Attack => ({
      name, source: SOURCE, door: 'gateway', own: true, halfClose: true, patienceMs: SOON_MS,
      bytes: at === 0 ? request('POST /{mark}', ['Content-Length: 100'], 'half') : request('POST /{mark}', ['Transfer-Encoding: chunked'], '64\r\nhalf'),
      must: { endsWithinMs: SOON_MS, lacks: ['HTTP/1.1 200'] }
    })),
    ...others.flatMap((door): Attack[] => [['half a head', begun], ['half a body', request('POST /x{mark}', ['Content-Type: application/json', 'Content-Length: 100'], '{')]].map(([name, bytes]) => ({
      name: `${door}: ${name!}`, source: SOURCE, door, slow: true, long: true, patienceMs: 130_000, bytes: bytes!, must: { endsWithinMs: 120_000 }
    })))
  ]
}
