/**
 * Sends finished spans to a collector, in batches and behind the requests' backs. The queue is bounded: when the
 * collector does not take them, spans are lost and counted, requests are not held up.
 */
import { Agent, request } from '../http/undici.ts'
import type { ExporterOptions } from './exporter-options.ts'
import { exportRequest } from './otlp.ts'
import type { Span, SpanSink } from './spans.ts'

/** Told once each time the collector begins to refuse. */
export type Warn = (fields: Readonly<Record<string, unknown>>, text: string) => void

/** Answers by which a collector asks to try again (OTLP specification, "Failures"). */
const RETRY_STATUS = new Set([429, 502, 503, 504])
const MAX_TRIES = 3

/** See the head of this file. */
export class SpanExporter implements SpanSink {
  /** Spans the collector never got. */
  dropped = 0
  readonly #options: ExporterOptions
  readonly #warn: Warn
  readonly #agent = new Agent({ connections: 1 })
  readonly #timer: NodeJS.Timeout
  #queue: Span[] = []
  #sending: Promise<void> | undefined
  #tries = 0
  #healthy = true

  constructor (options: ExporterOptions, warn: Warn) {
    this.#options = options
    this.#warn = warn
    this.#timer = setInterval(() => void this.#flush(), options.intervalMs).unref()
  }

  record (span: Span): void {
    if (this.#queue.length >= this.#options.maxQueue) {
      this.dropped++
      return
    }
    this.#queue.push(span)
    if (this.#queue.length === this.#options.maxBatch) void this.#flush()
  }

  /** Prometheus text. */
  render (): string {
    const name = 'breakwater_spans_dropped_total'
    return `# HELP ${name} Spans the trace collector never got\n# TYPE ${name} counter\n${name} ${this.dropped}\n`
  }

  /** Sends what is left once, within the time-out, and ends. */
  async stop (): Promise<void> {
    clearInterval(this.#timer)
    await this.#sending
    await this.#flush()
    this.dropped += this.#queue.length
    this.#queue = []
    await this.#agent.destroy()
  }

  /** One batch at a time: a slow collector must not be sent to from several sides. */
  async #flush (): Promise<void> {
    if (this.#sending !== undefined || this.#queue.length === 0) return
    const batch = this.#queue.slice(0, this.#options.maxBatch)
    this.#sending = this.#send(batch).then(outcome => this.#settle(outcome, batch.length))
    await this.#sending
    this.#sending = undefined
  }

  /** Sent or refused for good: the batch leaves the queue. Else it stays, for some tries. */
  #settle (outcome: 'sent' | 'refused' | 'later', size: number): void {
    if (this.#healthy && outcome !== 'sent') this.#warn({ url: this.#options.url }, 'the trace collector takes no spans')
    this.#healthy = outcome === 'sent'
    if (outcome === 'later' && ++this.#tries < MAX_TRIES) return
    this.#tries = 0
    this.#queue.splice(0, size)
    if (outcome !== 'sent') this.dropped += size
  }

  async #send (batch: Span[]): Promise<'sent' | 'refused' | 'later'> {
    const { url, headers, service, timeoutMs } = this.#options
    try {
      const { statusCode, body } = await request(url, {
        dispatcher: this.#agent,
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: exportRequest(service, batch),
        signal: AbortSignal.timeout(timeoutMs)
      })
      await body.dump()
      if (statusCode < 300) return 'sent'
      return RETRY_STATUS.has(statusCode) ? 'later' : 'refused'
    } catch {
      return 'later'
    }
  }
}
