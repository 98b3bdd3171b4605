/** Where ours answers otherwise than Spring Cloud Gateway, and why; the docs about migrating tell users. */

interface Difference {
  readonly why: string
  readonly ours: object
}

const FINAL = 'a redirect stays what it is, where Spring ends with 500 because the answer is committed'
const REDIRECT = { status: 302, headers: { location: 'https://acme.org/v1/x' } }

/** By `world case n`. */
export const DIFFERENCES: ReadonlyMap<string, Difference> = new Map<string, Difference>([
  ['routes set-uri 0', { why: 'SetRequestUri works with a literal host', ours: { status: 200, body: { url: '/to/a?b=c' } } }],
  ['routes size 0', { why: 'RequestSize has a short form', ours: { status: 413 } }],
  ['routes json-remove 1', { why: 'numbers stay as they were written', ours: { body: '{"a":{"id":1},"f":1.50}' } }],
  ['routes reply-behind-1 0', { why: FINAL, ours: REDIRECT }],
  ['routes reply-behind-4 0', { why: FINAL, ours: REDIRECT }],
  ['routes reply-behind-5 0', { why: FINAL, ours: REDIRECT }],
  ['routes reply-before-7 0', { why: 'SecureHeaders is on every answer of its route', ours: { status: 302, headers: { 'x-frame-options': 'DENY' } } }]
])
