/**
 * W3C Trace Context, section 3: what a caller's `traceparent` says, and what we tell the next one.
 * Anything malformed is treated as absent, so that a broken caller starts a new trace instead of breaking the call.
 */
export interface TraceParent {
  readonly traceId: string
  readonly parentId: string
  readonly sampled: boolean
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** Reads the header; undefined when absent, malformed, all zero, or of version ff. */
export function parseTraceParent (header: string | undefined): TraceParent | undefined {
  if (header === undefined || header.length > 512) return undefined
  const match = FORM.exec(header)
  if (match === null) return undefined
  const [, version = '', traceId = '', parentId = '', flags = '', rest] = match
  // A higher version may append fields; version 00 may not (3.2.4 of the recommendation).
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** The header for the next hop. */
export function formatTraceParent (traceId: string, spanId: string, sampled: boolean): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}
