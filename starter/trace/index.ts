/** Spans for a server that is not made by `service()`: which are kept, and where they go. */
export { SpanExporter } from './exporter.ts'
export { readExporterOptions, type ExporterOptions } from './exporter-options.ts'
export { isSampled, readSampling, type Sampling } from './sampling.ts'
export type { Span } from './spans.ts'
