/**
 * Registers this process with its Consul agent under Spring Cloud Consul's names, and looks from time to time whether
 * the agent still knows it: an agent that lost its data says nothing by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type Consul from 'consul'
import { backOffMs } from '../../consul/blocking-query.ts'
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
const STOP_CALL_MS = 1_000
/** How long our own health may take before nothing is concluded from it. */
const HEALTH_MS = 2_000
/** Maintenance that begins so is ours to end; any other is an operator's, and outlives our restarts. */
const OWN_REASON = 'breakwater: '

type CheckStatus = 'passing' | 'critical'

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
    if (heartbeatMs !== undefined) await this.#beat()
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
    await this.#consul.agent.service.register(timed({ ...service, check: this.#check(await this.#ownHealth()) }))
    await this.#maintain(status)
    if (status !== this.#status) return this.#register()
    this.#registered = true
    this.#log.info({ server: describeConsul(this.#options.connection), instanceId: service.id, status }, 'registered')
    for (const done of this.#waiting.splice(0)) done()
  }

  /** Whoever registers listens already and must not wait for the first check, but who is sick must not be called. */
  #check (status: CheckStatus): { name: string, timeout: string, [option: string]: string } {
    const { heartbeatMs, checkUrl, checkIntervalMs, checkTimeoutMs, forgetAfterMs } = this.#options
    const common = { name: 'health', status, timeout: `${checkTimeoutMs}ms`, deregistercriticalserviceafter: `${forgetAfterMs}ms` }
    return heartbeatMs === undefined
      ? { ...common, http: checkUrl, interval: `${checkIntervalMs}ms` }
      : { ...common, ttl: `${heartbeatMs}ms` }
  }

  /** What the agent's check would find. Who cannot reach the own address here knows nothing of how others reach it. */
  async #ownHealth (): Promise<CheckStatus> {
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(HEALTH_MS), this.#stopped.signal])
      const answer = await fetch(this.#options.checkUrl, { signal, redirect: 'manual' })
      await answer.body?.cancel()
      return answer.status >= 500 ? 'critical' : 'passing'
    } catch {
      return 'passing'
    }
  }

  /** Reported by us, a sick service is as sick as one that the agent asks. */
  async #beat (): Promise<void> {
    const id = `service:${this.#options.service.id}`
    if (await this.#ownHealth() === 'passing') await this.#consul.agent.check.pass(timed({ id }))
    else await this.#consul.agent.check.fail(timed({ id }))
  }

  /** Maintenance is the operator's; only what carries our own reason is ended. */
  async #maintain (status: InstanceStatus): Promise<void> {
    const { id } = this.#options.service
    const reason = await this.#maintenanceReason()
    const { service } = this.#consul.agent
    if (status !== 'UP' && reason === undefined) {
      await service.maintenance(timed({ id, enable: true, reason: `${OWN_REASON}${status}` }))
    } else if (status === 'UP' && isOurs(reason)) await service.maintenance(timed({ id, enable: false }))
    if (reason !== undefined && !isOurs(reason)) this.#log.info({ instanceId: id, reason }, 'an operator put this instance into maintenance, it stays there')
  }

  /** Undefined: no maintenance. */
  async #maintenanceReason (timeoutMs = CALL_TIMEOUT_MS): Promise<string | undefined> {
    const key = `_service_maintenance:${this.#options.service.id}`
    const checks: unknown = await this.#consul.agent.check.list(timed({ filter: `CheckID == ${JSON.stringify(key)}` }, timeoutMs))
    const found = checks as Readonly<Record<string, { Notes?: unknown } | undefined>> | null
    return found?.[key] === undefined ? undefined : textOf(found[key].Notes)
  }

  async #leave (): Promise<void> {
    const { id } = this.#options.service
    try {
      const reason = await this.#maintenanceReason(STOP_CALL_MS)
      // With the service Consul would forget its maintenance. Nobody calls it, and the check ends it if it stays away.
      if (reason !== undefined && !isOurs(reason)) {
        this.#log.info({ instanceId: id }, 'left registered in the maintenance of an operator')
        return
      }
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
    return backOffMs(this.#failures++, Math.random, this.#options.verifyMs)
  }

  async #nextSuccess (): Promise<void> {
    const success = new Promise<void>(resolve => this.#waiting.push(resolve))
    const limit = sleep(this.#options.startTimeoutMs, undefined, { ref: false, signal: this.#stopped.signal })
    await Promise.race([success, limit.catch(() => undefined)])
  }
}

function textOf (value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isOurs (reason: string | undefined): boolean {
  return reason?.startsWith(OWN_REASON) === true
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
