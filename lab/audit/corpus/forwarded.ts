/** Fields with which a client pretends to be a proxy, another client, or a caller that was verified. */
import type { Attack, Theme } from '../attack.ts'
import { request } from './http.ts'

const SOURCE = 'security.md F1, F16; "Forwarded headers against rate limits"'
const LIE = '203.0.113.66'
const NAMES = ['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Prefix', 'Forwarded', 'X-Forwarded-Client-Cert']

/** Every mixture of the two signs: programs behind that know fields as variables cannot tell them apart. */
function spellings (name: string): string[] {
  const parts = name.split('-')
  const mixtures = Array.from({ length: 2 ** (parts.length - 1) }, (_none, at) =>
    parts.reduce((all, part, index) => `${all}${(at >> (index - 1)) & 1 ? '_' : '-'}${part}`))
  return [...mixtures, name.toLowerCase(), name.toUpperCase().replaceAll('-', '_')]
}

const pretending = NAMES.flatMap((name): Attack[] => [...new Set(spellings(name))].map(spelling => ({
  name: spelling, source: SOURCE, door: 'gateway',
  bytes: request('GET /{mark}', [`${spelling}: ${name === 'Forwarded' ? `for=${LIE}` : LIE}`]), must: { unheard: [LIE.replaceAll('.', '\\.')] }
})))

const OTHERS: ReadonlyArray<readonly [string, string]> = [
  ['a deadline', 'X-Request-Deadline-Ms: 1'], ['a hop', 'Proxy-Authorization: Basic eDp5'], ['keep-alive', 'Keep-Alive: timeout=9999'],
  ['proxy-connection', 'Proxy-Connection: keep-alive'], ['a coding of a hop', 'TE: gzip']
]

export const FORWARDED: Theme = {
  name: 'forwarded',
  about: 'fields that pretend',
  attacks: [
    ...pretending,
    ...OTHERS.map(([name, field]): Attack => ({
      name, source: `${SOURCE}; RFC 9110, 7.6.1`, door: 'gateway', own: true, bytes: request('GET /{mark}', [field]),
      must: { status: [200, 400], unheard: [`\\n${field.split(':')[0]!}: ${field.split(': ')[1]!}(\\n|$)`] }
    })),
    ...NAMES.slice(0, 2).map((name): Attack => ({
      name: `${name} named as hop-by-hop`, source: SOURCE, door: 'gateway',
      bytes: request('GET /{mark}', [`${name}: ${LIE}`, `Connection: close, ${name}`]), must: { unheard: [LIE.replaceAll('.', '\\.')] }
    }))
  ]
}
