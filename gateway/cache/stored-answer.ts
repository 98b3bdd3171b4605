/** Kept answers as replies, and what is kept of an answer. */
import type { Exchange, Reply } from '../exchange.ts'
import type { Freshness } from './freshness.ts'
import type { CachedAnswer } from './response-cache.ts'
import type { Target } from './selection.ts'
import { conditionsFor, isKnown, withoutBody } from './validation.ts'

/** Of the connection and the moment, not of the answer. */
const NOT_STORED: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'date', 'pragma', 'expires', 'age', 'trailer'])

type Headers = CachedAnswer['headers']

export function storedHeaders (x: Exchange): Headers {
  return x.responseHeaderNames().filter(name => !NOT_STORED.has(name))
    .flatMap(name => x.responseHeaderValues(name).map(value => [name, value] as const))
}

/** An answer that is there at `nowMs`; its body in shared memory. */
export function storedAnswer (
  { status, headers, body, target }: Pick<CachedAnswer, 'status' | 'headers' | 'body'> & { readonly target: Target },
  fresh: Freshness, nowMs: number
): CachedAnswer {
  const expiresMs = nowMs + fresh.keptSeconds * 1_000
  return {
    status, headers, body, target, storedMs: nowMs, expiresMs,
    toldMs: nowMs + fresh.toldSeconds * 1_000,
    updatingMs: expiresMs + fresh.updatingSeconds * 1_000,
    failingMs: expiresMs + fresh.failingSeconds * 1_000,
    hasValidator: conditionsFor(headers).length > 0
  }
}

export function sharedCopy (body: Buffer): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(body.length))
  copy.set(body)
  return copy
}

/** What the caller gets; `asked` are the caller's own fields: who has it already is told just that. */
export function replyOf (found: CachedAnswer, asked: (name: string) => readonly string[], nowMs: number): Reply {
  const control = found.headers.filter(([name]) => name === 'cache-control').map(([, value]) => value)
  // What is asked for each time says so itself.
  const isAskedFor = found.expiresMs === found.storedMs
  const seconds = Math.max(0, Math.floor((found.toldMs - nowMs) / 1_000))
  const others = found.headers.filter(([name]) => name !== 'cache-control')
  const headers: Headers = isAskedFor ? found.headers : [...others, ['cache-control', maxAge(control, seconds)]]
  if (found.status === 200 && isKnown(asked, headers)) {
    return { status: 304, headers: withoutBody(headers), body: '', isUpstreams: true }
  }
  const { buffer, byteOffset, byteLength } = found.body
  return { status: found.status, headers, body: Buffer.from(buffer, byteOffset, byteLength), isUpstreams: true }
}

/** What is left of the freshness, in place of the fields that would have to be reckoned with its age. */
export function tell (x: Exchange, seconds: number): void {
  const control = x.responseHeaderValues('cache-control')
  for (const name of ['pragma', 'expires', 'age']) x.removeResponseHeader(name)
  x.setResponseHeader('cache-control', maxAge(control, seconds))
}

/** The upstream's directives with our max-age; 0 says `no-cache, must-revalidate` as well. */
function maxAge (control: readonly string[], seconds: number): string {
  const others = control.join(',').split(',').map(part => part.trim()).filter(part => part !== '' && !/^max-age\s*=/i.test(part))
  return [...others, `max-age=${seconds}`, ...seconds === 0 ? ['no-cache', 'must-revalidate'] : []].join(',')
}
