/** A handshake that is not taken must not lead around the filters of an answer, nor leave a connection open. */
import type { Attack, Theme } from '../attack.ts'
import { API_KEYS } from '../settings.ts'
import { SECRET } from '../witness.ts'
import { HANDSHAKE, request } from './http.ts'

const SOURCE = 'security.md F4'
const without = (name: string): string[] => HANDSHAKE.filter(field => !field.startsWith(name))

const VARIANTS: ReadonlyArray<readonly [string, readonly string[]]> = [
  ['as browsers send it', HANDSHAKE], ['no key', without('Sec-WebSocket-Key')], ['no version', without('Sec-WebSocket-Version')],
  ['version 0', [...without('Sec-WebSocket-Version'), 'Sec-WebSocket-Version: 0']], ['a key that is none', [...without('Sec-WebSocket-Key'), 'Sec-WebSocket-Key: x']],
  ['two keys', [...HANDSHAKE, 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==']], ['another protocol', [...without('Upgrade'), 'Upgrade: cow']],
  ['two protocols', [...without('Upgrade'), 'Upgrade: websocket, h2c']], ['another case', HANDSHAKE.map(field => field.toUpperCase())],
  ['keep-alive beside it', [...without('Connection'), 'Connection: keep-alive, Upgrade']], ['with a length', [...HANDSHAKE, 'Content-Length: 0']],
  ['with an extension', [...HANDSHAKE, 'Sec-WebSocket-Extensions: permessage-deflate']], ['Connection without Upgrade', without('Upgrade')],
  ['Upgrade without Connection', without('Connection')]
]

export const HANDSHAKES: Theme = {
  name: 'handshakes',
  about: 'WebSocket handshakes around filters',
  attacks: [
    ...VARIANTS.flatMap(([name, fields]) => ['/filtered/{mark}', '/filtered/{mark}/taken'].map((path): Attack => ({
      name: `${name}: ${path}`, source: SOURCE, door: 'gateway', own: true, bytes: request(`GET ${path}`, fields), must: { lacks: [SECRET] }
    }))),
    ...VARIANTS.map(([name, fields]): Attack => ({
      name: `${name}: a route with a key`, source: SOURCE, door: 'gateway', own: true, bytes: request('GET /admin/{mark}', fields), must: { status: [400, 401, 403], unheard: ['.'] }
    })),
    ...VARIANTS.map(([name, fields]): Attack => ({
      name: `${name}: into the cache`, source: `${SOURCE}, F3`, door: 'gateway', own: true,
      first: [{ door: 'gateway', bytes: request('GET /cached/{mark}', [...fields, `X-Api-Key: ${API_KEYS.alice}`]) }],
      bytes: request('GET /cached/{mark}', [`X-Api-Key: ${API_KEYS.bob}`]), must: { lacks: [API_KEYS.alice] }
    })),
    ...VARIANTS.slice(0, 6).map(([name, fields]): Attack => ({
      name: `${name}: what follows is no tunnel`, source: SOURCE, door: 'gateway', own: true,
      bytes: request('GET /filtered/{mark}', fields, 'GET /filtered/{mark}/second HTTP/1.1\r\nHost: x\r\n\r\n'), must: { lacks: [SECRET], unheard: ['^MALFORMED'] }
    })),
    ...['registry', 'config', 'bus', 'users', 'admin'].map((door): Attack => ({
      name: `${door} speaks no WebSocket`, source: SOURCE, door: door as Attack['door'], bytes: request('GET /x{mark}', HANDSHAKE),
      must: { status: [400, 401, 403, 404, 426] }
    }))
  ]
}
