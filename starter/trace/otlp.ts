/** Spans as OTLP/HTTP in JSON (opentelemetry-proto, trace.proto): the wire form, nothing else. */
import type { Span } from './spans.ts'

/** SpanKind of the proto. */
const KINDS = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const
const STATUS_ERROR = 2

/** The body of one export request. */
export function exportRequest (service: string, spans: readonly Span[]): string {
  return JSON.stringify({
    resourceSpans: [{
      resource: { attributes: [attribute('service.name', service), attribute('telemetry.sdk.language', 'nodejs')] },
      scopeSpans: [{ scope: { name: 'breakwater' }, spans: spans.map(wireSpan) }]
    }]
  })
}

function wireSpan (span: Span): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentId === undefined ? {} : { parentSpanId: span.parentId }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(span.endMs),
    attributes: Object.entries(span.attributes).map(([key, value]) => attribute(key, value)),
    ...(span.error === undefined ? {} : { status: { code: STATUS_ERROR, message: span.error } })
  }
}

/** 64-bit numbers are decimal texts in proto's JSON; milliseconds times 1e6 as a number would lose its last digits. */
function nanoseconds (ms: number): string {
  const whole = Math.floor(ms)
  return `${BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1_000_000))}`
}

function attribute (key: string, value: string | number | boolean): object {
  if (typeof value === 'string') return { key, value: { stringValue: value } }
  if (typeof value === 'boolean') return { key, value: { boolValue: value } }
  return { key, value: Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value } }
}
