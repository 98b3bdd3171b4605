import type { Logger } from 'pino'
import { instanceKey, type Instance } from '../registry/instance.ts'
import type { Registry } from '../registry.ts'
import { checkOf, type CheckOptions } from './check-options.ts'

export interface CheckerOptions {
  readonly now: () => number
  readonly log: Logger | undefined
  /** Makes one call; resolves to what was wrong, or undefined. */
  readonly call: (options: CheckOptions, instance: Instance) => Promise<string | undefined>
}

/** How an instance fares, for the page. */
interface Health {
  nextAt: number
  running: boolean
  failures: number
  successes: number
  /** Set while it is held for DOWN, even where an operator has set something else: then as soon as that is cleared. */
  downSince: number | undefined
  reason: string | undefined
}

const MAX_RUNNING = 50
const CHECK = { by: 'health check' }
const HERE = { replicated: false }

/**
 * Calls the health checks of the instances that ask for it. Enough failures in a row set the status to DOWN, as an
 * operator would, so that the peers hear of it; enough successes clear it. Only the registry to which an instance
 * itself speaks checks it, so that a cluster does not call it once per member.
 */
export class Checker {
  readonly #registry: Registry
  readonly #options: CheckerOptions
  readonly #health = new Map<string, Health>()
  #running = 0

  constructor (registry: Registry, options: CheckerOptions) {
    this.#registry = registry
    this.#options = options
  }

  /** Why the check holds an instance for DOWN. */
  reason (app: string, id: string): string | undefined {
    return this.#health.get(instanceKey(app, id))?.reason
  }

  /** Starts the checks that are due and forgets the instances that are gone. To be called about once a second. */
  tick (): void {
    const now = this.#options.now()
    const seen = new Set<string>()
    for (const { instance, local } of this.#registry.book.leases()) {
      if (!local || !instance.metadata.has('breakwater.check')) continue
      const key = instanceKey(instance.app, instance.id)
      seen.add(key)
      this.#consider(key, instance, now)
    }
    for (const key of this.#health.keys()) if (!seen.has(key)) this.#health.delete(key)
  }

  #consider (key: string, instance: Instance, now: number): void {
    const check = checkOf(instance)
    if (check === undefined) return
    const health = this.#health.get(key) ?? this.#begin(key, now)
    if ('refused' in check) {
      if (health.reason !== check.refused) this.#options.log?.warn(this.#fields(instance, check.refused), 'the health check is not called')
      health.reason = check.refused
      return
    }
    if (health.downSince !== undefined) this.#hold(instance, health)
    if (health.running || now < health.nextAt || this.#running >= MAX_RUNNING) return
    void this.#run(instance, check, health)
  }

  #begin (key: string, now: number): Health {
    const health: Health = {
      nextAt: now, running: false, failures: 0, successes: 0, downSince: undefined, reason: undefined
    }
    this.#health.set(key, health)
    return health
  }

  async #run (instance: Instance, check: CheckOptions, health: Health): Promise<void> {
    health.running = true
    this.#running++
    const wrong = await this.#options.call(check, instance)
    this.#running--
    health.running = false
    const now = this.#options.now()
    health.nextAt = now + check.intervalMs
    if (wrong === undefined) this.#well(instance, check, health)
    else this.#ill(instance, check, health, wrong, now)
  }

  #well ({ app, id }: Instance, { successes }: CheckOptions, health: Health): void {
    health.failures = 0
    health.successes++
    if (health.downSince === undefined || health.successes < successes) return
    health.downSince = health.reason = undefined
    // An operator may have set something else meanwhile; that is the operator's to clear.
    if (this.#registry.book.lease(app, id)?.override !== 'DOWN') return
    this.#registry.book.speaker.as(CHECK, () => this.#registry.clearOverride(app, id, undefined, HERE))
    this.#options.log?.info({ app, id }, 'the health check succeeds again')
  }

  #ill (instance: Instance, check: CheckOptions, health: Health, wrong: string, now: number): void {
    const { app, id } = instance
    health.successes = 0
    health.failures++
    if (health.failures < check.failures) return
    health.downSince ??= now
    health.reason = wrong
    this.#hold(instance, health)
    const isDown = this.#registry.book.lease(app, id)?.override === 'DOWN'
    if (isDown && check.evictAfterMs !== undefined && now - health.downSince >= check.evictAfterMs) {
      this.#registry.book.speaker.as(CHECK, () => this.#registry.cancel(app, id, HERE))
      this.#options.log?.warn(this.#fields(instance, wrong), 'the health check goes on failing, the instance is removed')
    }
  }

  /** Where nobody has set anything: an operator's word is the operator's to clear. */
  #hold (instance: Instance, health: Health): void {
    const { app, id } = instance
    const { reason = '' } = health
    if (this.#registry.book.lease(app, id)?.override !== undefined) return
    health.downSince = this.#options.now()
    const note = { author: 'health check', reason, withLease: true }
    this.#registry.book.speaker.as(CHECK, () => this.#registry.override(app, id, 'DOWN', HERE, note))
    this.#options.log?.warn(this.#fields(instance, reason), 'the health check failed, the instance is DOWN')
  }

  #fields ({ app, id }: Instance, reason: string): object {
    return { app, id, reason }
  }
}
