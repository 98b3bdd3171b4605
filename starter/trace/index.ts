/**
 * Spans for a server that is not made by `service()`: which are kept, and where they go. What sends them is
 * `@breakwater/starter/span-exporter`: only who has a collector loads it.
 */
export { readExporterOptions, type ExporterOptions } from './exporter-options.ts'
export { isSampled, readSampling, type Sampling } from './sampling.ts'
export type { Span } from './spans.ts'
