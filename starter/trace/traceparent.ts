/**
 * W3C Trace Context, section 3: what a caller's `traceparent` says, and what we tell the next one.
 * Anything malformed is treated as absent, so that a broken caller starts a new trace instead of breaking the call.
 */
export interface TraceParent {
  readonly traceId: string
  readonly parentId: string
  readonly sampled: boolean
}

/** `00-` 32 digits `-` 16 digits `-` 2 digits */
const LENGTH = 55
const MAX_LENGTH = 512
const DASH = 45
const DASHES = [2, 35, 52]

/** Reads the header; undefined when absent, malformed, all zero, or of version ff. Every request comes through here. */
export function parseTraceParent (header: string | undefined): TraceParent | undefined {
  if (header === undefined || header.length < LENGTH || header.length > MAX_LENGTH) return undefined
  for (const at of DASHES) if (header.charCodeAt(at) !== DASH) return undefined
  const version = bitsOf(header, 0, 2)
  const flags = bitsOf(header, 53, LENGTH)
  // An id of zeros is none.
  if (version < 0 || flags < 0 || bitsOf(header, 3, 35) <= 0 || bitsOf(header, 36, 52) <= 0) return undefined
  if (header.startsWith('ff')) return undefined
  // A higher version may append fields; version 00 may not (3.2.4 of the recommendation).
  if (header.length > LENGTH && (version === 0 || header.charCodeAt(LENGTH) !== DASH)) return undefined
  const sampled = (bitsOf(header, LENGTH - 1, LENGTH) & 1) === 1
  return { traceId: header.slice(3, 35), parentId: header.slice(36, 52), sampled }
}

/** All digits or-ed together: 0 when all are zero, negative when one is no lower-case hexadecimal digit. */
function bitsOf (text: string, from: number, to: number): number {
  let bits = 0
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    if (code >= 48 && code <= 57) bits |= code - 48
    else if (code >= 97 && code <= 102) bits |= code - 87
    else return -1
  }
  return bits
}

/** The header for the next hop. */
export function formatTraceParent (traceId: string, spanId: string, sampled: boolean): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}
