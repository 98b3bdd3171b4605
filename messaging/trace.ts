/**
 * Messages in traces: a span for putting a message into the outbox (from the call to its commit) and one for each try
 * of handling it, its parent the span that the envelope names; so one trace leads from the gateway through every
 * service that an order moves. Without a collector, and for traces that are not sampled, the envelope hands on what
 * came in.
 */
import {
  createIdSource, formatTraceParent, parseTraceParent, runInContext, type RequestContext, type Span, type SpanSink
} from '@breakwater/starter'
import type { Envelope } from './envelope.ts'

const SYSTEM = { 'messaging.system': 'breakwater' } as const

/** A try of handling a message. */
export interface Handling {
  /** What messages sent meanwhile name as their parent. */
  readonly traceparent: string | undefined
  /** Runs the work under the message's trace: its log lines and calls belong to it. */
  readonly run: <Value>(work: () => Promise<Value>) => Promise<Value>
}

/** A message on its way into the outbox: what its envelope says, and its span, to be recorded behind the commit. */
export interface Sending { readonly traceparent: string | undefined, readonly span: Span | undefined }

export class MessageTrace {
  readonly #sink: SpanSink | undefined
  readonly #now: () => number
  readonly #ids = createIdSource()

  constructor (sink: SpanSink | undefined, now: () => number) {
    this.#sink = sink
    this.#now = now
  }

  send (message: { readonly id: string, readonly type: string }, dest: string, parent: string | undefined): Sending {
    const from = this.#sink === undefined ? undefined : parseTraceParent(parent)
    if (from?.sampled !== true) return { traceparent: parent, span: undefined }
    const spanId = this.#ids.spanId()
    const now = this.#now()
    return {
      traceparent: formatTraceParent(from.traceId, spanId, true),
      span: { traceId: from.traceId, spanId, parentId: from.parentId, name: `send ${message.type}`, kind: 'producer',
        startMs: now, endMs: now, error: undefined,
        attributes: { ...SYSTEM, 'messaging.operation.type': 'send', 'messaging.destination.name': dest,
          'messaging.message.id': message.id } }
    }
  }

  /** The messages are committed. */
  sent (spans: readonly Span[]): void {
    for (const span of spans) this.#sink?.record({ ...span, endMs: this.#now() })
  }

  handle (message: Envelope, consumer: string, attempt: number): Handling {
    const from = parseTraceParent(message.traceparent)
    if (from === undefined) return { traceparent: message.traceparent, run: work => work() }
    const recorded = this.#sink !== undefined && from.sampled
    const context: RequestContext = { requestId: from.traceId, traceId: from.traceId, spanId: this.#ids.spanId(),
      parentId: from.parentId, sampled: from.sampled, traceState: undefined, deadlineMs: Infinity }
    const run = <Value>(work: () => Promise<Value>) => runInContext(context, work)
    if (!recorded) return { traceparent: message.traceparent, run }
    return {
      traceparent: formatTraceParent(context.traceId, context.spanId, true),
      run: async work => {
        const startMs = this.#now()
        let error: string | undefined
        try {
          return await run(work)
        } catch (cause) {
          error = cause instanceof Error ? cause.message : String(cause)
          throw cause
        } finally {
          this.#sink?.record({ ...context, name: `process ${message.type}`, kind: 'consumer', startMs,
            endMs: this.#now(), error,
            attributes: { ...SYSTEM, 'messaging.operation.type': 'process', 'messaging.consumer.group.name': consumer,
              'messaging.message.id': message.id, 'messaging.delivery.attempt': attempt } })
        }
      }
    }
  }
}
