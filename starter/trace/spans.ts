/** What is told of one piece of work to those who draw traces. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | undefined
  /** `GET /users/:id` */
  readonly name: string
  readonly kind: 'server' | 'client' | 'producer' | 'consumer' | 'internal'
  /** Unix time in milliseconds. */
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  /** What went wrong, undefined when nothing did. */
  readonly error: string | undefined
}

/** Takes finished spans of sampled traces; never waits, never throws. Absent where nobody listens. */
export interface SpanSink {
  record (span: Span): void
}
