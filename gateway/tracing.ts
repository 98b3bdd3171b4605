/**
 * The gateway's own part of a trace: one server span per exchange, which is the parent of what the services do.
 *
 * Exists only where a collector is set: without one an event loop has no Tracing, and a request pays a null check. What
 * is remembered of a request under way is kept here, beside the exchange, for sampled ones only.
 */
import type { HttpExchange } from './http1/exchange.ts'
import { isTraceparent, spanIdOf } from './ids.ts'
import { SpanExporter } from '@breakwater/starter/span-exporter'
import { isSampled, type ExporterOptions, type Sampling, type Span } from '@breakwater/starter/trace'

/** Plain data: it crosses to the workers. */
export interface TracingOptions {
  readonly exporter: ExporterOptions
  readonly sampling: Sampling
}

interface Begun {
  /** The exchange object serves one request after the other; a span whose end was never told ends here. */
  readonly serial: number
  readonly spanId: string
  readonly parentId: string | undefined
}

export class Tracing {
  readonly #sampling: Sampling
  readonly #exporter: SpanExporter
  readonly #begun = new WeakMap<HttpExchange, Begun>()

  constructor (options: TracingOptions, warn: (message: string, fields: Readonly<Record<string, unknown>>) => void) {
    this.#sampling = options.sampling
    this.#exporter = new SpanExporter(options.exporter, (fields, message) => warn(message, fields))
  }

  /** Spans that the collector never got. */
  get dropped (): number {
    return this.#exporter.dropped
  }

  /**
   * After the request has its ids. `fresh` is an unused `traceparent` line: a new trace goes on with it; one that the
   * client brought goes on under this span, or, when it is not recorded, under the client's.
   */
  begin (x: HttpExchange, fresh: string): void {
    const parent = this.#parentOf(x)
    const sampled = isSampled(this.#sampling, x.traceId, parent === undefined ? undefined : isFlagged(parent))
    if (sampled) {
      const spanId = spanIdOf(fresh)
      this.#begun.set(x, { serial: x.serial, spanId, parentId: parent?.slice(36, 52) })
      // As an edit: routes that look at the field, and filters, see what the services will.
      if (parent !== undefined) x.setHeader('traceparent', `00-${x.traceId}-${spanId}-01`)
    } else if (parent === undefined) x.idLines = x.idLines.replace(fresh, `${fresh.slice(0, -4)}00\r\n`)
  }

  /** The exchange is over; a few objects for sampled ones, nothing for the others. */
  end (x: HttpExchange, wallMs: number, elapsedMs: number): void {
    const begun = this.#begun.get(x)
    if (begun === undefined || begun.serial !== x.serial) return
    this.#begun.delete(x)
    this.#exporter.record(spanOf(x, begun, wallMs, elapsedMs))
  }

  /** Sends what is left, within the exporter's time-out. */
  async stop (): Promise<void> {
    await this.#exporter.stop()
  }

  #parentOf ({ head: { lines, traceparentLine } }: HttpExchange): string | undefined {
    const text = traceparentLine < 0 ? '' : lines.value(traceparentLine)
    return isTraceparent(text) ? text : undefined
  }
}

/** W3C Trace Context 3.2.2.5: the lowest bit says "sampled". */
function isFlagged (traceparent: string): boolean {
  return (Number.parseInt(traceparent.slice(53), 16) & 1) === 1
}

function spanOf (x: HttpExchange, begun: Begun, wallMs: number, elapsedMs: number): Span {
  const { matched, instance, failure, status } = x
  // Whatever the reason (semantic conventions for HTTP): also to another instance, because the first was not reached.
  const resent = x.attempt - 1 + x.unreached.filter(one => one !== instance).length
  return {
    traceId: x.traceId,
    spanId: begun.spanId,
    parentId: begun.parentId,
    name: matched === undefined ? x.method : `${x.method} ${matched.id}`,
    kind: 'server',
    startMs: wallMs - elapsedMs,
    endMs: wallMs,
    attributes: {
      'http.request.method': x.method,
      // Without its query, which may hold tokens.
      'url.path': x.rawPath,
      'url.scheme': x.secure ? 'https' : 'http',
      'client.address': x.remoteAddress,
      'http.response.status_code': status,
      ...(matched === undefined ? {} : { 'spring.cloud.gateway.route.id': matched.id }),
      ...(instance === undefined ? {} : { 'breakwater.upstream.instance': instance.authority }),
      ...(resent > 0 ? { 'http.request.resend_count': resent } : {}),
      ...(failure === undefined ? {} : { 'error.type': failure.kind })
    },
    error: failure?.kind ?? (status >= 500 ? String(status) : undefined)
  }
}
