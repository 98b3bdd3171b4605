/** Health as Spring Boot's actuator tells it: components, the groups liveness and readiness, 503 when not up. */
import { maskText } from '../settings/mask.ts'

export type HealthStatus = 'UP' | 'DOWN' | 'OUT_OF_SERVICE' | 'UNKNOWN'

export interface Health {
  readonly status: HealthStatus
  readonly details?: Readonly<Record<string, unknown>>
}

/** Tells how one thing is doing. Rejecting, or not answering in time, is DOWN. */
export type HealthIndicator = () => Health | Promise<Health>

/** Whether this process lives and wants requests: what the probes of Kubernetes ask. */
export class Availability {
  /** False: restart me. */
  live = true
  /** False: send me nothing. A service starts that way and ends that way. */
  ready = false
}

/** A probe that asks more often than this many milliseconds apart must not make a hanging indicator pile up. */
const INDICATOR_DEADLINE_MS = 2_000

/** Worst first, as in Spring's default status order. */
const ORDER: readonly HealthStatus[] = ['DOWN', 'OUT_OF_SERVICE', 'UP', 'UNKNOWN']

/** Asks all indicators at once; the whole is as bad as its worst part. */
export async function checkHealth (
  indicators: ReadonlyMap<string, HealthIndicator>, deadlineMs = INDICATOR_DEADLINE_MS
): Promise<{ status: HealthStatus, components: Record<string, Health> }> {
  const components: Record<string, Health> = Object.create(null) as Record<string, Health>
  await Promise.all([...indicators].map(async ([name, indicator]) => {
    components[name] = await ask(indicator, deadlineMs)
  }))
  return { status: worst(Object.values(components)), components }
}

/** The worst status; UP of nothing at all. */
export function worst (parts: readonly Health[]): HealthStatus {
  if (parts.length === 0) return 'UP'
  return ORDER.find(status => parts.some(part => part.status === status)) ?? 'UNKNOWN'
}

/** Spring answers 503 for DOWN and OUT_OF_SERVICE, else 200. */
export function statusCodeOf (status: HealthStatus): number {
  return status === 'DOWN' || status === 'OUT_OF_SERVICE' ? 503 : 200
}

async function ask (indicator: HealthIndicator, deadlineMs: number): Promise<Health> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Health>(resolve => {
    timer = setTimeout(() => resolve({ status: 'DOWN', details: { error: `no answer within ${deadlineMs} ms` } }), deadlineMs)
  })
  try {
    return await Promise.race([Promise.resolve().then(indicator), late])
  } catch (cause) {
    return { status: 'DOWN', details: { error: maskText(cause instanceof Error ? cause.message : String(cause)) } }
  } finally {
    clearTimeout(timer)
  }
}
