/**
 * Registers this process with its Consul agent under Spring Cloud Consul's names, and looks from time to time whether
 * the agent still knows it: an agent that lost its data says nothing by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type Consul from 'consul'
import { connectConsul, describeConsul } from '../../consul/connection.ts'
import type { ConsulConnection } from '../../consul/connection.ts'
import type { Logger } from '../../logger.ts'
import type { Settings } from '../../settings/index.ts'
import type { InstanceStatus, Registration } from '../discovery-client.ts'
import type { OwnAddress } from '../discovery-client.ts'

/** `spring.cloud.consul.discovery.*` */
export interface ConsulRegistrationOptions {
  readonly connection: ConsulConnection
  /** What the agent is told. */
  readonly service: {
    readonly id: string
    readonly name: string
    readonly address: string
    readonly port: number
    readonly tags: string[]
    readonly meta: Record<string, string>
  }
  /** `heartbeat.enabled`: we tell the agent that we live, instead of being asked by it. */
  readonly heartbeatMs: number | undefined
  readonly checkUrl: string
  readonly checkIntervalMs: number
  readonly checkTimeoutMs: number
  /** `health-check-critical-timeout`: Consul forgets who is dead that long; its minimum is one minute. */
  readonly forgetAfterMs: number
  readonly startTimeoutMs: number
  /** `breakwater.consul.verify-interval` */
  readonly verifyMs: number
}

const CALL_TIMEOUT_MS = 5_000
const FIRST_RETRY_MS = 250
const STOP_CALL_MS = 1_000

/** See the head of this file. */
export class ConsulRegistration implements Registration {
  readonly #options: ConsulRegistrationOptions
  readonly #log: Logger
  readonly #consul: Consul
  readonly #stopped = new AbortController()
  #pause = new AbortController()
  #status: InstanceStatus = 'UP'
  #registered = false
  #failures = 0
  #waiting: Array<() => void> = []
  #running: Promise<void> | undefined

  constructor (options: ConsulRegistrationOptions, log: Logger) {
    this.#options = options
    this.#log = log.child({ logger: 'registration' })
    this.#consul = connectConsul(options.connection)
  }

  async start (): Promise<void> {
    const success = this.#nextSuccess()
    this.#running ??= this.#run()
    await success
  }

  /** Anything but UP is Consul's maintenance mode: known, and not to be called. */
  async setStatus (status: InstanceStatus): Promise<void> {
    if (status === this.#status) return
    this.#status = status
    this.#registered = false
    const success = this.#nextSuccess()
    this.#pause.abort()
    await success
  }

  checkSoon (): void {
    this.#pause.abort()
  }

  async stop (): Promise<void> {
    this.#stopped.abort()
    await this.#running
    if (this.#running !== undefined) await this.#leave()
    this.#consul.destroy()
  }

  async #run (): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      // Made before the calls: who asks for haste while they run must not be overheard.
      this.#pause = new AbortController()
      const waitMs = await this.#keep().catch((failure: unknown) => this.#failed(failure))
      const signal = AbortSignal.any([this.#pause.signal, this.#stopped.signal])
      await sleep(waitMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** One round; tells when the next is due. */
  async #keep (): Promise<number> {
    const { service, heartbeatMs, verifyMs } = this.#options
    if (this.#registered && !await this.#isKnown()) {
      this.#log.info({ instanceId: service.id }, 'consul does not know this instance, registering again')
      this.#registered = false
    }
    if (!this.#registered) await this.#register()
    if (heartbeatMs !== undefined) await this.#consul.agent.check.pass(`service:${service.id}`)
    this.#failures = 0
    return heartbeatMs === undefined ? verifyMs : Math.min(verifyMs, heartbeatMs / 3)
  }

  async #isKnown (): Promise<boolean> {
    const { id } = this.#options.service
    const mine = await this.#consul.agent.service.list(timed({ filter: `ID == ${JSON.stringify(id)}` }))
    return Object.hasOwn(mine, id)
  }

  async #register (): Promise<void> {
    const { service } = this.#options
    const status = this.#status
    await this.#consul.agent.service.register(timed({ ...service, check: this.#check() }))
    const enable = status !== 'UP'
    await this.#consul.agent.service.maintenance(timed({ id: service.id, enable, reason: status }))
    if (status !== this.#status) return this.#register()
    this.#registered = true
    this.#log.info({ server: describeConsul(this.#options.connection), instanceId: service.id, status }, 'registered')
    for (const done of this.#waiting.splice(0)) done()
  }

  /** Passing from the start: whoever registers listens already, and must not wait for the first check. */
  #check (): { name: string, timeout: string, [option: string]: string } {
    const { heartbeatMs, checkUrl, checkIntervalMs, checkTimeoutMs, forgetAfterMs } = this.#options
    const common = { name: 'health', status: 'passing', timeout: `${checkTimeoutMs}ms`, deregistercriticalserviceafter: `${forgetAfterMs}ms` }
    return heartbeatMs === undefined
      ? { ...common, http: checkUrl, interval: `${checkIntervalMs}ms` }
      : { ...common, ttl: `${heartbeatMs}ms` }
  }

  async #leave (): Promise<void> {
    const { id } = this.#options.service
    try {
      await this.#consul.agent.service.deregister(timed({ id }, STOP_CALL_MS))
      this.#log.info({ instanceId: id }, 'deregistered')
    } catch (err) {
      this.#log.warn({ err }, 'could not deregister, the check will end the registration')
    }
  }

  #failed (failure: unknown): number {
    if (this.#failures === 0 && !this.#stopped.signal.aborted) {
      this.#log.warn({ err: failure, server: describeConsul(this.#options.connection) }, 'consul not reached, trying again')
    }
    return Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#failures++, 10), this.#options.verifyMs)
  }

  async #nextSuccess (): Promise<void> {
    const success = new Promise<void>(resolve => this.#waiting.push(resolve))
    const limit = sleep(this.#options.startTimeoutMs, undefined, { ref: false, signal: this.#stopped.signal })
    await Promise.race([success, limit.catch(() => undefined)])
  }
}

/** The library's types know no time-out, its calls do. */
function timed<T extends object> (options: T, timeout = CALL_TIMEOUT_MS): T {
  return { ...options, timeout }
}

/** Reads `spring.cloud.consul.discovery.*`, with Spring's defaults. */
export function readConsulRegistration (
  settings: Settings, connection: ConsulConnection, address: OwnAddress
): ConsulRegistrationOptions {
  const key = (name: string): string => `spring.cloud.consul.discovery.${name}`
  const name = settings.string(key('service-name'), settings.string('spring.application.name', 'application'))
  const ip = settings.string(key('ip-address'), address.ip)
  const host = settings.string(key('hostname'), settings.boolean(key('prefer-ip-address'), false) ? ip : address.host)
  const zone = settings.get(key('instance-zone'))
  const scheme = address.secure && address.managementPort === undefined ? 'https' : 'http'
  const checkHost = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${address.managementPort ?? address.port}`
  return {
    connection,
    service: {
      // Consul's ids go into URLs and DNS: colons of our usual ids would need quoting everywhere.
      id: settings.string(key('instance-id'), `${name}-${host}-${address.port}`.replace(/[^A-Za-z0-9_.-]/g, '-')),
      name,
      address: host,
      port: settings.integer(key('port'), address.port),
      tags: settings.list(key('tags')),
      meta: { secure: String(address.secure), ...(zone === undefined ? {} : { zone }), ...settings.map(key('metadata')) }
    },
    heartbeatMs: settings.boolean(key('heartbeat.enabled'), false) ? settings.durationMs(key('heartbeat.ttl'), 30_000) : undefined,
    checkUrl: settings.string(key('health-check-url'), `${checkHost}${settings.string(key('health-check-path'), '/actuator/health')}`),
    checkIntervalMs: settings.durationMs(key('health-check-interval'), 10_000),
    checkTimeoutMs: settings.durationMs(key('health-check-timeout'), 10_000),
    forgetAfterMs: settings.durationMs(key('health-check-critical-timeout'), 60_000),
    startTimeoutMs: settings.durationMs('breakwater.discovery.start-timeout', 3_000),
    verifyMs: settings.durationMs('breakwater.consul.verify-interval', 10_000)
  }
}
