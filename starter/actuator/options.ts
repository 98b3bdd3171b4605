/** What the actuator is given by the server it sits in. */
import type { Registry } from 'prom-client'
import type { Settings } from '../settings/index.ts'
import type { Logger } from '../logger.ts'
import type { Authorize } from './access.ts'
import type { Availability, HealthIndicator } from './health.ts'
import type { RequestMetrics } from './request-metrics.ts'

export interface ActuatorOptions {
  readonly settings: Settings
  readonly log: Logger
  /** Components of /actuator/health by name; may be added to while running. Default none. */
  readonly health?: ReadonlyMap<string, HealthIndicator>
  /** What the liveness and readiness groups answer. Default: always live and ready. */
  readonly availability?: Availability
  /** Added to /actuator/info beside `info.*` settings. */
  readonly info?: () => Record<string, unknown> | Promise<Record<string, unknown>>
  /** prom-client's registry to render. Default: a new one with Node's default metrics. */
  readonly registry?: Registry
  /** More Prometheus text, for metrics kept as plain cells. */
  readonly metrics?: () => string | Promise<string>
  /** Where requests of the server were counted. Default: the server the plugin is registered in is counted. */
  readonly requestMetrics?: RequestMetrics
  /** Reads the settings again and tells the changed keys. Default: the settings' own way. */
  readonly refresh?: () => Promise<readonly string[]>
  /** Who may see env, loggers and POST. Default: whom the settings let in. */
  readonly authorize?: Authorize
}
