/** The tokens of a Connection header (RFC 9110, 7.6.1). */
import { isToken } from './characters.ts'

/** What a Connection header asks for; reset for each head, filled by {@link readConnectionOptions}. */
export interface ConnectionOptions {
  close: boolean
  keepAlive: boolean
  upgrade: boolean
  /** Fields named by the sender as meant for this hop only, lower-case; null when none. */
  nominated: string[] | null
}

/**
 * Fields that no sender may take away by naming them: without them the request would mean something else behind the
 * gateway (RFC 9110 forbids naming end-to-end fields, and stripping `authorization` or `x-forwarded-for` this way is a
 * known way around access rules).
 */
const UNTOUCHABLE = /^(?:host|content-.*|transfer-encoding|authorization|cookie|set-cookie|x-forwarded-.*|forwarded|x-request-id|traceparent|tracestate|origin|date|via|location|cache-control|expect|x-real-ip)$/

/** Adds the tokens of one Connection line; false when one is malformed or names an untouchable field. */
export function readConnectionOptions (value: string, into: ConnectionOptions): boolean {
  if (value === 'keep-alive') {
    into.keepAlive = true
    return true
  }
  for (const part of value.split(',')) {
    const token = part.trim().toLowerCase()
    if (token !== '' && !readToken(token, into)) return false
  }
  return true
}

function readToken (token: string, into: ConnectionOptions): boolean {
  if (token === 'close') into.close = true
  else if (token === 'keep-alive') into.keepAlive = true
  else if (token === 'upgrade') into.upgrade = true
  else {
    if (!isToken(token) || UNTOUCHABLE.test(token)) return false
    into.nominated ??= []
    into.nominated.push(token)
  }
  return true
}
