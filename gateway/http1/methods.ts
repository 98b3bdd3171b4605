/** The methods let through: those that Node's own parser knows, without CONNECT (a gateway is no tunnel). */
import { startsWith } from './characters.ts'

export const METHODS: readonly string[] = [
  'GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'ACL', 'BIND', 'CHECKOUT', 'COPY', 'LINK', 'LOCK',
  'M-SEARCH', 'MERGE', 'MKACTIVITY', 'MKCALENDAR', 'MKCOL', 'MOVE', 'NOTIFY', 'PROPFIND', 'PROPPATCH', 'PURGE',
  'QUERY', 'REBIND', 'REPORT', 'SEARCH', 'SUBSCRIBE', 'UNBIND', 'UNLINK', 'UNLOCK', 'UNSUBSCRIBE'
]

const INDEX: ReadonlyMap<string, number> = new Map(METHODS.map((name, index) => [name, index]))

/** RFC 9110, 9.2.2: those that may be sent again when nobody knows whether the first one arrived. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'PROPFIND', 'QUERY'])

/**
 * Index into {@link METHODS} of the method in [from, end) of `bytes`, which stands `shift` earlier in `text`; or -1.
 */
export function methodIndex (text: string, bytes: Uint8Array, from: number, end: number, shift: number): number {
  if (end - from === 3 && startsWith(bytes, from, 'GET')) return 0
  if (end - from === 4 && startsWith(bytes, from, 'POST')) return 1
  return INDEX.get(text.slice(from - shift, end - shift)) ?? -1
}

export function isIdempotent (method: string): boolean {
  return IDEMPOTENT.has(method)
}
