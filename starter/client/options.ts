/** How calls to another service behave: Resilience4j's names where it has one, `breakwater.client.*` for the rest. */
import { readClientTls } from '../security/tls.ts'
import type { ClientTls } from '../security/tls.ts'
import type { Settings } from '../settings/index.ts'
import { starterError } from '../starter-errors.ts'
import { readPreferredZone } from './zone.ts'

export interface BreakerOptions {
  /** `slidingWindowType`: the last calls, or the calls of the last seconds. */
  readonly windowType: 'COUNT_BASED' | 'TIME_BASED'
  /** `slidingWindowSize`: the calls, or the seconds, that are judged together. */
  readonly windowSize: number
  /** `minimumNumberOfCalls`: fewer calls than this are never judged. */
  readonly minimumCalls: number
  /** `failureRateThreshold`, per cent of completed calls; reached means open. */
  readonly failureRate: number
  /** `slowCallRateThreshold`, per cent; 100 with the default duration is as good as off. */
  readonly slowCallRate: number
  /** `slowCallDurationThreshold` */
  readonly slowCallMs: number
  /** `waitDurationInOpenState` */
  readonly openMs: number
  /** `permittedNumberOfCallsInHalfOpenState`: probes, judged together. */
  readonly probes: number
}

export interface ClientOptions {
  /** `resilience4j.timelimiter.*.timeoutDuration`: the whole call, retries included. */
  readonly timeoutMs: number
  /** `breakwater.client.try-timeout`: one try; what is left of the whole call if that is less. */
  readonly tryTimeoutMs: number
  readonly connectTimeoutMs: number
  /** `resilience4j.retry.*.maxAttempts`: tries of one call, the first included. */
  readonly maxAttempts: number
  /** Retries as a share of calls over time. 0.2 with 100 calls a second allows 20 retries a second. */
  readonly retryBudget: number
  /** `resilience4j.bulkhead.*.maxConcurrentCalls`: calls in flight to this service from this process. */
  readonly maxConcurrentCalls: number
  /** Connections to one instance. */
  readonly maxConnections: number
  /** Answers beyond this are refused: they are held in memory whole. */
  readonly maxBodyBytes: number
  /** `breakwater.client.tls.*`: for instances that serve TLS. */
  readonly tls: ClientTls
  /** `spring.cloud.loadbalancer.zone` and the like: whose instances come first. Undefined: all alike. */
  readonly zone: string | undefined
  readonly breaker: BreakerOptions
}

/** Shorter than Resilience4j's in window, minimum and wait: those suit a gateway's traffic, these one caller's. */
export const CLIENT_DEFAULTS: ClientOptions = {
  timeoutMs: 5_000,
  tryTimeoutMs: 2_000,
  connectTimeoutMs: 1_000,
  maxAttempts: 3,
  retryBudget: 0.2,
  maxConcurrentCalls: 256,
  maxConnections: 64,
  maxBodyBytes: 10 * 1024 * 1024,
  tls: {},
  zone: undefined,
  breaker: {
    windowType: 'COUNT_BASED',
    windowSize: 100,
    minimumCalls: 20,
    failureRate: 50,
    slowCallRate: 100,
    slowCallMs: 60_000,
    openMs: 5_000,
    probes: 3
  }
}

/** Settings of one called service: `...instances.<service>.X`, else `...configs.default.X`, else the default. */
export function readClientOptions (settings: Settings, service: string): ClientOptions {
  const key = (section: string, name: string): string => {
    const own = `resilience4j.${section}.instances.${service}.${name}`
    return settings.get(own) === undefined ? `resilience4j.${section}.configs.default.${name}` : own
  }
  const ours = (name: string): string => {
    const own = `breakwater.client.instances.${service}.${name}`
    return settings.get(own) === undefined ? `breakwater.client.${name}` : own
  }
  return {
    timeoutMs: settings.durationMs(key('timelimiter', 'timeout-duration'), CLIENT_DEFAULTS.timeoutMs),
    tryTimeoutMs: settings.durationMs(ours('try-timeout'), CLIENT_DEFAULTS.tryTimeoutMs),
    connectTimeoutMs: settings.durationMs(ours('connect-timeout'), CLIENT_DEFAULTS.connectTimeoutMs),
    maxAttempts: settings.integer(key('retry', 'max-attempts'), CLIENT_DEFAULTS.maxAttempts),
    retryBudget: settings.number(ours('retry-budget'), CLIENT_DEFAULTS.retryBudget),
    maxConcurrentCalls: settings.integer(key('bulkhead', 'max-concurrent-calls'), CLIENT_DEFAULTS.maxConcurrentCalls),
    maxConnections: settings.integer(ours('max-connections'), CLIENT_DEFAULTS.maxConnections),
    maxBodyBytes: settings.bytes(ours('max-body-size'), CLIENT_DEFAULTS.maxBodyBytes),
    tls: readClientTls(settings, 'breakwater.client.tls'),
    zone: readPreferredZone(settings, service),
    breaker: readBreakerOptions(settings, name => key('circuitbreaker', name))
  }
}

function readBreakerOptions (settings: Settings, key: (name: string) => string): BreakerOptions {
  const defaults = CLIENT_DEFAULTS.breaker
  return {
    ...readWindow(settings, key),
    minimumCalls: settings.integer(key('minimum-number-of-calls'), defaults.minimumCalls),
    failureRate: settings.number(key('failure-rate-threshold'), defaults.failureRate),
    slowCallRate: settings.number(key('slow-call-rate-threshold'), defaults.slowCallRate),
    slowCallMs: settings.durationMs(key('slow-call-duration-threshold'), defaults.slowCallMs),
    openMs: settings.durationMs(key('wait-duration-in-open-state'), defaults.openMs),
    probes: atLeastOne(settings, key('permitted-number-of-calls-in-half-open-state'), defaults.probes)
  }
}

/** More calls or seconds than this are no window but an archive. */
const MAX_WINDOW = 100_000

function readWindow (
  settings: Settings, key: (name: string) => string
): Pick<BreakerOptions, 'windowType' | 'windowSize'> {
  const defaults = CLIENT_DEFAULTS.breaker
  const typeKey = key('sliding-window-type')
  const windowType = settings.string(typeKey, defaults.windowType).toUpperCase()
  if (windowType !== 'COUNT_BASED' && windowType !== 'TIME_BASED') {
    throw starterError('E_CLIENT_SETTING', [windowType, 'COUNT_BASED or TIME_BASED'], { where: settings.origin(typeKey) ?? typeKey })
  }
  return { windowType, windowSize: atLeastOne(settings, key('sliding-window-size'), defaults.windowSize) }
}

function atLeastOne (settings: Settings, key: string, fallback: number): number {
  const value = settings.integer(key, fallback)
  if (value >= 1 && value <= MAX_WINDOW) return value
  throw starterError('E_CLIENT_SETTING', [value, `a number from 1 to ${MAX_WINDOW}`], { where: settings.origin(key) ?? key })
}
