/**
 * Keeps this process in the registry: register, renew, register again when the registry forgot us, and take ourselves
 * out at the end. All calls go through one loop, so that a renewal can never overtake a change of status.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../logger.ts'
import type { InstanceStatus, Registration } from '../discovery-client.ts'
import type { OwnInstance } from './own-instance.ts'
import { RegistryHttp } from './registry-http.ts'
import type { RegistryAccess, RegistryCall } from './registry-http.ts'
import { ServerList } from './server-url.ts'
import type { ServerUrl } from './server-url.ts'

export interface RegistrationOptions {
  readonly servers: readonly ServerUrl[]
  readonly connectTimeoutMs: number
  readonly readTimeoutMs: number
  readonly access: RegistryAccess
  /** How long start() and setStatus() wait for the registry. */
  readonly startTimeoutMs: number
  /** `eureka.client.should-unregister-on-shutdown` */
  readonly unregisterOnStop: boolean
}

export interface RegistrationDependencies {
  /** Wall clock: dirty timestamps are compared with those of other processes. */
  readonly wallClock: () => number
  readonly random: () => number
}

const FIRST_RETRY_MS = 250
/** Each of the two calls at the end; a registry that is gone must not hold up the stop. */
const STOP_CALL_MS = 1_000

/** See the head of this file. */
export class EurekaRegistration implements Registration {
  readonly #instance: OwnInstance
  readonly #options: RegistrationOptions
  readonly #log: Logger
  readonly #wallClock: () => number
  readonly #random: () => number
  readonly #http: RegistryHttp
  readonly #servers: ServerList
  readonly #stopped = new AbortController()
  #status: InstanceStatus
  #dirtyMs: number
  #registered = false
  #failures = 0
  #pause = new AbortController()
  #waiting: Array<() => void> = []
  #running: Promise<void> | undefined

  constructor (
    instance: OwnInstance, options: RegistrationOptions, log: Logger, dependencies?: Partial<RegistrationDependencies>
  ) {
    this.#instance = instance
    this.#options = options
    this.#log = log.child({ logger: 'registration' })
    this.#wallClock = dependencies?.wallClock ?? Date.now
    this.#random = dependencies?.random ?? Math.random
    this.#http = new RegistryHttp(options)
    this.#servers = new ServerList(options.servers)
    this.#status = instance.initialStatus
    this.#dirtyMs = this.#wallClock()
  }

  /** True while the registry has us with our current status. */
  get registered (): boolean {
    return this.#registered
  }

  async start (): Promise<void> {
    const success = this.#nextSuccess()
    this.#running ??= this.#run()
    await success
  }

  async setStatus (status: InstanceStatus): Promise<void> {
    if (status === this.#status) return
    this.#status = status
    this.#dirty()
    const success = this.#nextSuccess()
    this.#pause.abort()
    await success
  }

  /** Renews at once, for when the registry came back: it may have forgotten us. Clients spread over a second. */
  checkSoon (): void {
    setTimeout(() => this.#pause.abort(), this.#random() * 1000).unref()
  }

  async stop (): Promise<void> {
    this.#stopped.abort()
    this.#pause.abort()
    await this.#running
    if (this.#running !== undefined && this.#options.unregisterOnStop) await this.#leave()
    await this.#http.close()
  }

  async #run (): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const server = this.#servers.current
      // Made before the calls: who asks for haste while they run must not be overheard.
      this.#pause = new AbortController()
      const waitMs = await this.#keep(server).catch((failure: unknown) => this.#failed(server, failure))
      const signal = AbortSignal.any([this.#pause.signal, this.#stopped.signal])
      await sleep(waitMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** One round; tells when the next is due. */
  async #keep (server: ServerUrl): Promise<number> {
    if (this.#registered && !await this.#renew(server)) this.#dirty()
    if (!this.#registered) await this.#register(server)
    this.#failures = 0
    return this.#instance.renewalIntervalMs
  }

  async #register (server: ServerUrl): Promise<void> {
    const dirtyMs = this.#dirtyMs
    const { status, text } = await this.#call(server, `apps/${this.#instance.app}`, {
      method: 'POST', body: this.#instance.body(this.#status, dirtyMs)
    })
    if (status < 200 || status > 299) throw new Error(`register answered ${status} ${text.slice(0, 200)}`)
    // Meanwhile the status may have changed: then this registration is already old.
    if (dirtyMs !== this.#dirtyMs) return this.#register(server)
    this.#registered = true
    const { instanceId } = this.#instance
    this.#log.info({ server: server.url, instanceId, status: this.#status }, 'registered')
    for (const done of this.#waiting.splice(0)) done()
  }

  /** False when the registry does not know us (any more), or has an older picture of us: both are told by 404. */
  async #renew (server: ServerUrl): Promise<boolean> {
    const query = new URLSearchParams({ status: this.#status, lastDirtyTimestamp: String(this.#dirtyMs) })
    const { status } = await this.#call(server, `${this.#path()}?${query.toString()}`, { method: 'PUT' })
    if (status === 404) {
      this.#log.info({ server: server.url }, 'the registry does not know this instance, registering again')
      return false
    }
    if (status < 200 || status > 299) throw new Error(`renew answered ${status}`)
    return true
  }

  async #leave (): Promise<void> {
    const server = this.#servers.current
    try {
      await this.#http.call(server, `apps/${this.#instance.app}`, {
        method: 'POST', body: this.#instance.body('DOWN', this.#nextDirty()), timeoutMs: STOP_CALL_MS
      })
      await this.#http.call(server, this.#path(), { method: 'DELETE', timeoutMs: STOP_CALL_MS })
      this.#log.info({ server: server.url }, 'deregistered')
    } catch (err) {
      this.#log.warn({ err, server: server.url }, 'could not deregister, the lease will end by itself')
    }
  }

  #call (server: ServerUrl, path: string, call: RegistryCall): ReturnType<RegistryHttp['call']> {
    return this.#http.call(server, path, { ...call, signal: this.#stopped.signal })
  }

  #path (): string {
    return `apps/${this.#instance.app}/${encodeURIComponent(this.#instance.instanceId)}`
  }

  #dirty (): void {
    this.#dirtyMs = this.#nextDirty()
    this.#registered = false
  }

  /** Always greater than the last: the registry keeps the greater one when two registrations cross. */
  #nextDirty (): number {
    return Math.max(this.#wallClock(), this.#dirtyMs + 1)
  }

  #failed (server: ServerUrl, failure: unknown): number {
    if (this.#stopped.signal.aborted) return 0
    if (this.#failures === 0) this.#log.warn({ err: failure, server: server.url }, 'registry not reached, trying again')
    this.#servers.demote(server)
    const round = Math.floor(++this.#failures / this.#servers.size)
    if (round === 0) return 0
    const limitMs = Math.min(this.#instance.renewalIntervalMs, FIRST_RETRY_MS * 2 ** Math.min(round - 1, 20))
    return limitMs * (0.5 + this.#random() / 2)
  }

  /** Resolves with the next registration that succeeds, or when the wait is over. */
  async #nextSuccess (): Promise<void> {
    const success = new Promise<void>(resolve => this.#waiting.push(resolve))
    const limit = sleep(this.#options.startTimeoutMs, undefined, { ref: false, signal: this.#stopped.signal })
    await Promise.race([success, limit.catch(() => undefined)])
  }
}
