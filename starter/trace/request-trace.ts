/** What a request brings along from its caller, checked, and completed where the caller said nothing. */
import type { IncomingHttpHeaders } from 'node:http'
import type { RequestContext } from './context.ts'
import type { IdSource } from './random-ids.ts'
import { isSampled } from './sampling.ts'
import type { Sampling } from './sampling.ts'
import { parseTraceParent } from './traceparent.ts'

/** The remaining milliseconds of the call, told to the called service: it need not work on what nobody waits for. */
export const DEADLINE_HEADER = 'x-request-deadline-ms'
export const REQUEST_ID_HEADER = 'x-request-id'

/** An id from outside goes into logs and headers of others: short, and nothing but harmless characters. */
const CLEAN_ID = /^[A-Za-z0-9._:+=/-]{1,128}$/
const CLEAN_STATE = /^[\x20-\x7e]{1,512}$/

export interface TraceSource {
  readonly ids: IdSource
  readonly sampling: Sampling
}

/** Reads the headers; `nowMs` is on the clock of `performance.now()`. */
export function readRequestContext (headers: IncomingHttpHeaders, source: TraceSource, nowMs: number): RequestContext {
  const parent = parseTraceParent(headers.traceparent as string | undefined)
  const traceId = parent?.traceId ?? source.ids.traceId()
  const state = headers.tracestate as string | undefined
  return {
    requestId: cleanId(headers[REQUEST_ID_HEADER]) ?? traceId,
    traceId,
    spanId: source.ids.spanId(),
    parentId: parent?.parentId,
    sampled: isSampled(source.sampling, traceId, parent?.sampled),
    // Without its traceparent the state means nothing (W3C Trace Context 3.3.1).
    traceState: parent !== undefined && state !== undefined && CLEAN_STATE.test(state) ? state : undefined,
    deadlineMs: deadlineOf(headers[DEADLINE_HEADER], nowMs)
  }
}

function cleanId (header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && CLEAN_ID.test(header) ? header : undefined
}

function deadlineOf (header: string | string[] | undefined, nowMs: number): number {
  return typeof header === 'string' && /^\d{1,7}$/.test(header) ? nowMs + Number(header) : Infinity
}
