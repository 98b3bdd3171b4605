/** Where finished spans go and how many wait for it, under OpenTelemetry's own variables and Spring's name. */
import { maskValue } from '../settings/index.ts'
import type { Settings } from '../settings/index.ts'
import { starterError } from '../starter-errors.ts'

export interface ExporterOptions {
  readonly service: string
  /** Whole URL, `/v1/traces` included. */
  readonly url: string
  /** Sent along, for collectors that want a token. Never logged. */
  readonly headers: Readonly<Record<string, string>>
  readonly maxQueue: number
  readonly maxBatch: number
  readonly intervalMs: number
  readonly timeoutMs: number
}

export const EXPORTER_DEFAULTS = { maxQueue: 2_048, maxBatch: 512, intervalMs: 1_000, timeoutMs: 5_000 } as const

/**
 * What the settings ask for, or undefined: then no span is ever built. OpenTelemetry's own variables are read
 * (OTEL_EXPORTER_OTLP_ENDPOINT, ..._TRACES_ENDPOINT, ..._HEADERS, OTEL_SERVICE_NAME) and Spring's
 * `management.otlp.tracing.endpoint`. Plain data: the gateway hands it to its event loops.
 */
export function readExporterOptions (settings: Settings): ExporterOptions | undefined {
  const whole = settings.get('otel.exporter.otlp.traces.endpoint') ?? settings.get('management.otlp.tracing.endpoint')
  const base = settings.get('otel.exporter.otlp.endpoint')
  const url = whole ?? (base === undefined ? undefined : `${base.replace(/\/$/, '')}/v1/traces`)
  if (url === undefined || url === '') return undefined
  // `collector:4318` is a URL too, of the scheme "collector".
  const usable = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
  if (!usable) throw starterError('E_TRACE_URL', [maskValue('otel.exporter.otlp.endpoint', url)])
  return {
    ...EXPORTER_DEFAULTS,
    service: settings.get('otel.service.name') ?? settings.string('spring.application.name', 'unknown'),
    url,
    headers: readHeaders(settings.get('otel.exporter.otlp.headers') ?? ''),
    intervalMs: settings.integer('otel.bsp.schedule.delay', EXPORTER_DEFAULTS.intervalMs)
  }
}

/** `api-key=abc,tenant=x`, values percent-encoded, as the OpenTelemetry specification writes them. */
function readHeaders (text: string): Record<string, string> {
  // A token may end in "=" of its own.
  const pairs = text.split(',').map(pair => /^([^=]+)=(.*)$/s.exec(pair)).filter(match => match !== null)
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name.trim().toLowerCase(), decode(value.trim())]))
}

function decode (value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
