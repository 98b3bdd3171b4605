/** The methods let through: those that Node's own parser knows, without CONNECT (a gateway is no tunnel). */

export const METHODS: readonly string[] = [
  'GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'ACL', 'BIND', 'CHECKOUT', 'COPY', 'LINK', 'LOCK',
  'M-SEARCH', 'MERGE', 'MKACTIVITY', 'MKCALENDAR', 'MKCOL', 'MOVE', 'NOTIFY', 'PROPFIND', 'PROPPATCH', 'PURGE',
  'QUERY', 'REBIND', 'REPORT', 'SEARCH', 'SUBSCRIBE', 'UNBIND', 'UNLINK', 'UNLOCK', 'UNSUBSCRIBE'
]

const INDEX: ReadonlyMap<string, number> = new Map(METHODS.map((name, index) => [name, index]))

/** RFC 9110, 9.2.2: those that may be sent again when nobody knows whether the first one arrived. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'PROPFIND', 'QUERY'])

/** Index into {@link METHODS} of the method in [start, end), or -1. */
export function methodIndex (text: string, start: number, end: number): number {
  if (end - start === 3 && text.startsWith('GET', start)) return 0
  if (end - start === 4 && text.startsWith('POST', start)) return 1
  return INDEX.get(text.slice(start, end)) ?? -1
}

export function isIdempotent (method: string): boolean {
  return IDEMPOTENT.has(method)
}
