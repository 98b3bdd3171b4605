/**
 * Which traces are recorded: OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG, or Spring's
 * `management.tracing.sampling.probability` (0.1) where the former says nothing.
 */
import type { Settings } from '../settings/index.ts'

/** Plain data: the gateway hands it to its event loops. */
export interface Sampling {
  /** Share of the traces that are recorded, 0 to 1. */
  readonly ratio: number
  /** What the caller decided holds; the share is for traces that begin here. */
  readonly parentBased: boolean
}

const NAME = 'otel.traces.sampler'
const DEFAULT_PROBABILITY = 0.1
const FIXED_RATIOS: Readonly<Record<string, number>> = { always_on: 1, always_off: 0 }

/** A sampler we do not have gives a warning and Spring's setting, as OpenTelemetry's specification asks. */
export function readSampling (settings: Settings): Sampling {
  const name = settings.get(NAME)?.toLowerCase()
  const spring = { ratio: settings.number('management.tracing.sampling.probability', DEFAULT_PROBABILITY), parentBased: true }
  if (name === undefined || name === '') return spring
  const parentBased = name.startsWith('parentbased_')
  const kind = parentBased ? name.slice('parentbased_'.length) : name
  if (kind === 'traceidratio') return { ratio: settings.number(`${NAME}.arg`, 1), parentBased }
  const ratio = Object.hasOwn(FIXED_RATIOS, kind) ? FIXED_RATIOS[kind] : undefined
  if (ratio !== undefined) return { ratio, parentBased }
  settings.warn(`${settings.origin(NAME) ?? NAME}: there is no sampler "${name}" here; traces are sampled with ` +
    'management.tracing.sampling.probability. Use [parentbased_]always_on, always_off or traceidratio.')
  return spring
}

/** 56 random bits at the end of every trace id (W3C Trace Context, level 2). */
const RANDOM_DIGITS = 14
const RANDOM_RANGE = 2 ** 56

/** Decided by the id alone where no parent counts: every process of a trace comes to the same result. */
export function isSampled ({ ratio, parentBased }: Sampling, traceId: string, parent: boolean | undefined): boolean {
  if (parentBased && parent !== undefined) return parent
  return ratio >= 1 || Number.parseInt(traceId.slice(-RANDOM_DIGITS), 16) < ratio * RANDOM_RANGE
}
