/** The trace of outgoing calls: each try is a span of its own under the request being served. */
import { currentContext } from './context.ts'
import type { RequestContext } from './context.ts'
import type { IdSource } from './random-ids.ts'
import { REQUEST_ID_HEADER } from './request-trace.ts'
import type { SpanSink } from './spans.ts'
import { formatTraceParent } from './traceparent.ts'

/** One try. `headers` go with it, `end` is called once. */
export interface CallSpan {
  readonly headers: Readonly<Record<string, string>>
  /** Status 0 and the kind of failure when there was no answer. */
  end (status: number, error: string): void
}

export interface CallTrace {
  begin (service: string, method: string, path: string): CallSpan
  /** How long the request being served may still take; Infinity outside of one. */
  remainingMs (): number
}

const NOTHING = (): void => {}

/** Without a sink no span is built, only the header. */
export function createCallTrace (ids: IdSource, sink: SpanSink | undefined): CallTrace {
  return {
    begin (service, method, path) {
      const context = currentContext()
      const traceId = context?.traceId ?? ids.traceId()
      const spanId = ids.spanId()
      const sampled = context?.sampled ?? false
      return {
        headers: headersOf(context, traceId, spanId, sampled),
        end: sink === undefined || !sampled
          ? NOTHING
          : recorder(sink, { service, method, path, traceId, spanId, context })
      }
    },
    remainingMs: () => (currentContext()?.deadlineMs ?? Infinity) - performance.now()
  }
}

function headersOf (
  context: RequestContext | undefined, traceId: string, spanId: string, sampled: boolean
): Record<string, string> {
  return {
    traceparent: formatTraceParent(traceId, spanId, sampled),
    ...(context?.traceState === undefined ? {} : { tracestate: context.traceState }),
    [REQUEST_ID_HEADER]: context?.requestId ?? traceId
  }
}

interface Begun {
  readonly service: string
  readonly method: string
  readonly path: string
  readonly traceId: string
  readonly spanId: string
  readonly context: RequestContext | undefined
}

function recorder (sink: SpanSink, begun: Begun): CallSpan['end'] {
  const startMs = Date.now()
  return (status, error) => sink.record({
    traceId: begun.traceId,
    spanId: begun.spanId,
    parentId: begun.context?.spanId,
    name: `${begun.method} ${begun.service}`,
    kind: 'client',
    startMs,
    endMs: Date.now(),
    // The query may hold personal data; the path is what helps.
    attributes: {
      'http.request.method': begun.method,
      'url.path': begun.path.split('?', 1)[0] ?? '',
      'peer.service': begun.service,
      ...(status === 0 ? { 'error.type': error } : { 'http.response.status_code': status })
    },
    error: status === 0 || status >= 500 ? (status === 0 ? error : String(status)) : undefined
  })
}
