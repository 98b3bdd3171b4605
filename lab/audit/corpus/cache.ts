/** Answers that are kept for the one and given to the other. */
import type { Attack, Theme } from '../attack.ts'
import { API_KEYS } from '../settings.ts'
import { request } from './http.ts'

const SOURCE = 'security.md F3; gateway.md F5'
const alice = `X-Api-Key: ${API_KEYS.alice}`
const bob = `X-Api-Key: ${API_KEYS.bob}`

interface Asked { readonly line: string, readonly fields?: readonly string[] }

/** Asked by the one first, then by the other: `theirs` is in the first answer and must not be in the second. */
function crossed (name: string, first: Asked, second: Asked, theirs: string): Attack {
  const bytes = ({ line, fields = [] }: Asked): string => request(line, fields)
  return { name, source: SOURCE, door: 'gateway', own: true, first: [{ door: 'gateway', bytes: bytes(first) }], bytes: bytes(second), must: { lacks: [theirs] } }
}

const PATH = 'GET /cached/{mark}'
const OPEN = 'GET /shared/{mark}'

export const CACHE: Theme = {
  name: 'cache',
  about: 'an answer meant for somebody else',
  attacks: [
    crossed('another key', { line: PATH, fields: [alice] }, { line: PATH, fields: [bob] }, API_KEYS.alice),
    crossed('another key, HEAD then GET', { line: PATH.replace('GET', 'HEAD'), fields: [alice] }, { line: PATH, fields: [bob] }, API_KEYS.alice),
    crossed('another key, conditional', { line: PATH, fields: [alice] }, { line: PATH, fields: [bob, 'If-None-Match: *'] }, API_KEYS.alice),
    crossed('another key, a range', { line: PATH, fields: [alice] }, { line: PATH, fields: [bob, 'Range: bytes=0-500'] }, API_KEYS.alice),
    crossed('another key, only-if-cached', { line: PATH, fields: [alice] }, { line: PATH, fields: [bob, 'Cache-Control: only-if-cached'] }, API_KEYS.alice),
    crossed('another key, max-stale', { line: PATH, fields: [alice] }, { line: PATH, fields: [bob, 'Cache-Control: max-stale=1000'] }, API_KEYS.alice),
    crossed('no key', { line: PATH, fields: [alice] }, { line: PATH }, API_KEYS.alice),
    crossed('a key and somebody\'s cookie', { line: PATH, fields: [alice, 'Cookie: a=1'] }, { line: PATH, fields: [bob, 'Cookie: a=1'] }, API_KEYS.alice),
    crossed('the key in another case of its name', { line: PATH, fields: [alice] }, { line: PATH, fields: [bob.replace('X-Api-Key', 'x-API-KEY')] }, API_KEYS.alice),
    crossed('another spelling of the path', { line: PATH, fields: [alice] }, { line: 'GET /cached//{mark}', fields: [bob] }, API_KEYS.alice),
    ...['Authorization: Basic m4rked-5ecret-one', 'Authorization: Bearer m4rked-5ecret-one', 'authorization:m4rked-5ecret-one', 'Cookie: sid=m4rked-5ecret-one'].flatMap(field => {
      const other = field.replace('-one', '-two')
      return [
        crossed(`${field}: somebody else`, { line: OPEN, fields: [field] }, { line: OPEN, fields: [other] }, 'm4rked-5ecret-one'),
        crossed(`${field}: nobody`, { line: OPEN, fields: [field] }, { line: OPEN }, 'm4rked-5ecret-one'),
        crossed(`${field}: taken out by Connection`, { line: OPEN, fields: [field] }, { line: OPEN, fields: [other, `Connection: close, ${field.split(':')[0]!}`] }, 'm4rked-5ecret-one'),
        crossed(`${field}: HEAD before`, { line: OPEN.replace('GET', 'HEAD'), fields: [field] }, { line: OPEN }, 'm4rked-5ecret-one')
      ]
    }),
    crossed('another Host', { line: OPEN }, { line: OPEN.replace('{mark}', '{mark}-other') }, 'nothing'),
    crossed('a cookie beside a name that is cut', { line: OPEN, fields: ['Cookie: a=1; sid=m4rked-5ecret-one'] }, { line: OPEN, fields: ['Cookie: a=1', 'Cookie: sid=m4rked-5ecret-two'] }, 'm4rked-5ecret-one')
  ]
}
