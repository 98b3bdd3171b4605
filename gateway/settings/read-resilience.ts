/** `resilience4j.{circuitbreaker,timelimiter,bulkhead}`: configs, instances, `baseConfig`; kebab or camel case. */
import type { Settings } from '@breakwater/starter/settings'
import { error } from '../errors.ts'
import type { ByName } from '../options.ts'
import { canonical } from '../routes/args.ts'
import { parseDurationMs } from '../routes/units.ts'
import { FAILURE_KINDS } from '../filters/failure-names.ts'
import { ADAPTIVE_DEFAULTS, type AdaptiveLimitOptions } from '../upstream/adaptive-limit.ts'
import { HEDGE_DEFAULTS, type HedgeOptions } from '../upstream/hedge-policy.ts'
import { BREAKER_DEFAULTS, type BreakerSettings, type BreakerSettingsTable } from '../upstream/breaker-settings.ts'

/** Breakers by name. */
export function readBreakers (settings: Settings): BreakerSettingsTable {
  return byName(settings, 'resilience4j.circuitbreaker', breakerSettings)
}

/** Milliseconds, only for names whose configuration gives a limit. */
export function readTimeLimiters (settings: Settings): ByName<number> {
  return byName(settings, 'resilience4j.timelimiter', fields => fields.durationMs('timeoutDuration', 0))
}

/** Concurrent calls; an instance that is named without a number gets Resilience4j's 25. */
export function readBulkheads (settings: Settings): ByName<number> {
  const table = byName(settings, 'resilience4j.bulkhead', fields => fields.integer('maxConcurrentCalls', 25))
  const hasDefault = settings.keys('resilience4j.bulkhead.configs.default').length > 0
  return hasDefault ? table : { ...table, default: 0 }
}

/** What AdaptiveConcurrency starts from; the filter checks that the numbers fit together. */
export function readAdaptive (settings: Settings): AdaptiveLimitOptions {
  const key = (name: string) => `breakwater.gateway.adaptive-concurrency.${name}`
  return {
    initialLimit: settings.integer(key('initial-limit'), ADAPTIVE_DEFAULTS.initialLimit),
    minLimit: settings.integer(key('min-limit'), ADAPTIVE_DEFAULTS.minLimit),
    maxLimit: settings.integer(key('max-limit'), ADAPTIVE_DEFAULTS.maxLimit),
    tolerance: settings.number(key('tolerance'), ADAPTIVE_DEFAULTS.tolerance)
  }
}

/** What Hedge starts from. */
export function readHedging (settings: Settings): HedgeOptions {
  return {
    percentile: settings.number('breakwater.gateway.hedging.percentile', HEDGE_DEFAULTS.percentile),
    minDelayMs: settings.durationMs('breakwater.gateway.hedging.min-delay', HEDGE_DEFAULTS.minDelayMs)
  }
}

type Read<T> = (fields: Fields) => T

function byName<T> (settings: Settings, prefix: string, read: Read<T>): ByName<T> {
  const instances: Record<string, T> = Object.create(null)
  for (const [name, key] of settings.members(`${prefix}.instances`)) {
    instances[name] = read(fieldsOf(settings, prefix, key))
  }
  return { default: read(fieldsOf(settings, prefix, undefined)), instances }
}

/** An instance's own values, over those of its base configuration, over the default configuration. */
function fieldsOf (settings: Settings, prefix: string, instance: string | undefined): Fields {
  const own = instance === undefined ? [] : [instance]
  const base = instance === undefined ? undefined : settings.get(`${instance}.base-config`)
  return new Fields(settings, [...own, `${prefix}.configs.${base ?? 'default'}`])
}

class Fields {
  readonly #settings: Settings
  readonly #prefixes: readonly string[]

  constructor (settings: Settings, prefixes: readonly string[]) {
    this.#settings = settings
    this.#prefixes = prefixes
  }

  text (name: string): string | undefined {
    const key = this.#key(name)
    return key === undefined ? undefined : this.#settings.get(key)
  }

  list (name: string): string[] {
    const key = this.#prefixes.map(prefix => `${prefix}.${kebab(name)}`).find(one => this.#settings.list(one).length > 0)
    return key === undefined ? [] : this.#settings.list(key)
  }

  integer (name: string, fallback: number): number {
    const value = this.number(name, fallback)
    if (!Number.isInteger(value) || value < 1) throw this.#fail(name, 'a whole number above 0')
    return value
  }

  number (name: string, fallback: number): number {
    const value = Number(this.text(name) ?? fallback)
    if (!Number.isFinite(value)) throw this.#fail(name, 'a number')
    return value
  }

  durationMs (name: string, fallbackMs: number): number {
    const text = this.text(name)
    const value = text === undefined ? fallbackMs : parseDurationMs(text)
    if (value === undefined) throw this.#fail(name, 'a duration such as 10s')
    return value
  }

  #key (name: string): string | undefined {
    return this.#prefixes.map(prefix => `${prefix}.${kebab(name)}`).find(key => this.#settings.get(key) !== undefined)
  }

  #fail (name: string, wanted: string): Error {
    const key = this.#key(name) ?? name
    return error('E_GATEWAY_SETTING', [`${key} must be ${wanted}, not "${this.text(name)}".`],
      { where: this.#settings.origin(key) })
  }
}

function breakerSettings (fields: Fields): BreakerSettings {
  const d = BREAKER_DEFAULTS
  const type = canonical(fields.text('slidingWindowType') ?? d.slidingWindowType)
  const recorded = fields.list('recordExceptions').flatMap(failureKinds)
  return {
    slidingWindowType: type === 'timebased' ? 'TIME_BASED' : 'COUNT_BASED',
    slidingWindowSize: fields.integer('slidingWindowSize', d.slidingWindowSize),
    minimumNumberOfCalls: fields.integer('minimumNumberOfCalls', d.minimumNumberOfCalls),
    failureRateThreshold: fields.number('failureRateThreshold', d.failureRateThreshold),
    slowCallRateThreshold: fields.number('slowCallRateThreshold', d.slowCallRateThreshold),
    slowCallDurationThresholdMs: fields.durationMs('slowCallDurationThreshold', d.slowCallDurationThresholdMs),
    waitDurationInOpenStateMs: fields.durationMs('waitDurationInOpenState', d.waitDurationInOpenStateMs),
    permittedNumberOfCallsInHalfOpenState:
      fields.integer('permittedNumberOfCallsInHalfOpenState', d.permittedNumberOfCallsInHalfOpenState),
    maxWaitDurationInHalfOpenStateMs:
      fields.durationMs('maxWaitDurationInHalfOpenState', d.maxWaitDurationInHalfOpenStateMs),
    recordFailures: recorded.length === 0 ? null : recorded,
    ignoreFailures: fields.list('ignoreExceptions').flatMap(failureKinds)
  }
}

/** Java's class or our error's name to kinds of failure; classes that cannot happen here match nothing. */
function failureKinds (name: string): readonly string[] {
  return FAILURE_KINDS[(name.split('.').at(-1) ?? '').toLowerCase()] ?? []
}

function kebab (name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
}
