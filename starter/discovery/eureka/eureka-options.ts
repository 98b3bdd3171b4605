/** `eureka.client.*` under Spring's names, with Spring's defaults. */
import { readClientTls, readText } from '../../security/tls.ts'
import type { Settings } from '../../settings/index.ts'
import type { RegistryAccess } from './registry-http.ts'
import { readServerUrls } from './server-url.ts'
import type { ServerUrl } from './server-url.ts'

export interface EurekaClientOptions {
  readonly servers: readonly ServerUrl[]
  /** `registry-fetch-interval-seconds`: pause between polls where there is no push. */
  readonly fetchIntervalMs: number
  /** `eureka-server-connect-timeout-seconds` */
  readonly connectTimeoutMs: number
  /** `eureka-server-read-timeout-seconds` */
  readonly readTimeoutMs: number
  /** `cache-refresh-executor-exponential-back-off-bound`: a failing fetch waits up to this many intervals. */
  readonly backOffBound: number
  readonly disableDelta: boolean
  /** `breakwater.discovery.token` and `breakwater.discovery.tls.*`. */
  readonly access: RegistryAccess
  /** `breakwater.discovery.push`: false polls even where the registry could push. */
  readonly push: boolean
  /** `breakwater.discovery.apps`: only these services are asked for; empty asks for all. */
  readonly apps: readonly string[]
  /** `eureka.instance.prefer-ip-address`: also how others are addressed. */
  readonly preferIp: boolean
  /** How long start() waits for the first answer: `breakwater.discovery.start-timeout`. */
  readonly startTimeoutMs: number
}

export const EUREKA_DEFAULTS = {
  defaultZone: 'http://localhost:8761/eureka/',
  fetchIntervalSeconds: 30,
  connectTimeoutSeconds: 5,
  readTimeoutSeconds: 8,
  backOffBound: 10,
  startTimeoutMs: 3_000
} as const

/** `breakwater.discovery.token` or `token-file`; `tls.ca-file`, `tls.cert-file` and `tls.key-file`, PEM. */
function readAccess (settings: Settings): RegistryAccess {
  return {
    token: () => readText(settings, 'breakwater.discovery.token-file')?.trim() ?? settings.get('breakwater.discovery.token'),
    tls: readClientTls(settings, 'breakwater.discovery.tls')
  }
}

/** Reads and checks them all. */
export function readEurekaOptions (settings: Settings): EurekaClientOptions {
  const seconds = (key: string, fallback: number): number => settings.number(key, fallback) * 1000
  const urlKey = 'eureka.client.service-url.defaultZone'
  return {
    servers: readServerUrls(settings.list(urlKey, [EUREKA_DEFAULTS.defaultZone]), settings.origin(urlKey) ?? urlKey),
    fetchIntervalMs: seconds('eureka.client.registry-fetch-interval-seconds', EUREKA_DEFAULTS.fetchIntervalSeconds),
    connectTimeoutMs: seconds('eureka.client.eureka-server-connect-timeout-seconds', EUREKA_DEFAULTS.connectTimeoutSeconds),
    readTimeoutMs: seconds('eureka.client.eureka-server-read-timeout-seconds', EUREKA_DEFAULTS.readTimeoutSeconds),
    backOffBound: settings.integer('eureka.client.cache-refresh-executor-exponential-back-off-bound', EUREKA_DEFAULTS.backOffBound),
    access: readAccess(settings),
    disableDelta: settings.boolean('eureka.client.disable-delta', false),
    push: settings.boolean('breakwater.discovery.push', true),
    apps: settings.list('breakwater.discovery.apps', []),
    preferIp: settings.boolean('eureka.instance.prefer-ip-address', false),
    startTimeoutMs: settings.durationMs('breakwater.discovery.start-timeout', EUREKA_DEFAULTS.startTimeoutMs)
  }
}
