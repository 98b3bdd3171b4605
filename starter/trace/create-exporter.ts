/** The exporter of a process, loaded and made only where a collector is set. */
import type { Logger } from '../logger.ts'
import { onDemand } from '../on-demand.ts'
import type { Settings } from '../settings/index.ts'
import type { SpanExporter } from './exporter.ts'
import { readExporterOptions } from './exporter-options.ts'

/** Undefined when the settings name no collector. */
export async function createSpanExporter (settings: Settings, log: Logger): Promise<SpanExporter | undefined> {
  const options = readExporterOptions(settings)
  if (options === undefined) return undefined
  const { SpanExporter } = await onDemand.spanExporter()
  const own = log.child({ logger: 'traces' })
  return new SpanExporter(options, (fields, text) => own.warn(fields, text))
}
