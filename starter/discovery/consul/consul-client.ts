/**
 * Discovery from Consul by blocking queries: one on the catalog's list of services, one on each service that somebody
 * asked for. Changes arrive when they happen; when Consul is away, what was last known keeps serving.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type Consul from 'consul'
import { connectConsul, describeConsul } from '../../consul/connection.ts'
import type { ConsulConnection } from '../../consul/connection.ts'
import type { Logger } from '../../logger.ts'
import type { DiscoveryClient, InstancesListener, ServiceInstance } from '../discovery-client.ts'
import { ALL, InstanceTable } from '../instance-table.ts'
import { readEntry } from './consul-instance.ts'

type Watch = ReturnType<Consul['watch']>

/** How long one blocking query may last; Consul answers earlier when something changed. */
const WAIT = '55s'
const BACK_OFF_LIMIT_MS = 10_000
/** Each followed service holds one connection to the agent. */
const MAX_FOLLOWED = 1_000

export interface ConsulDiscoveryOptions {
  readonly connection: ConsulConnection
  /** How long start() and the first question for a name wait for Consul. */
  readonly startTimeoutMs: number
}

/** See the head of this file. */
export class ConsulDiscoveryClient implements DiscoveryClient {
  readonly description: string
  readonly #options: ConsulDiscoveryOptions
  readonly #log: Logger
  readonly #consul: Consul
  readonly #table: InstanceTable
  readonly #followed = new Map<string, { watch: Watch, first: Promise<void> }>()
  readonly #listeners = new Set<() => void>()
  #catalog: readonly string[] = []
  #catalogWatch: Watch | undefined
  #wantsAll = false
  #reachedMs = 0
  #lostMs = 0

  constructor (options: ConsulDiscoveryOptions, log: Logger) {
    this.#options = options
    this.#log = log.child({ logger: 'discovery' })
    this.#consul = connectConsul(options.connection)
    this.#table = new InstanceTable(err => this.#log.error({ err }, 'a watcher of instances failed'))
    this.description = describeConsul(options.connection)
  }

  /** An answer without a change tells nobody, but moves the time of the query: later than the loss means back. */
  get connected (): boolean {
    return Math.max(this.#reachedMs, this.#catalogWatch?.updateTime() ?? 0) > this.#lostMs
  }

  async start (): Promise<void> {
    if (this.#catalogWatch !== undefined) return
    const first = Promise.withResolvers<void>()
    this.#catalogWatch = this.#watch(query => this.#consul.catalog.service.list(query), {}, answer => {
      this.#catalog = Object.keys(answer as object).filter(name => name !== 'consul')
      if (this.#wantsAll) this.#followAll()
      first.resolve()
    })
    await this.#limited(first.promise)
  }

  async stop (): Promise<void> {
    this.#catalogWatch?.end()
    for (const { watch } of this.#followed.values()) watch.end()
    this.#consul.destroy()
  }

  instances (serviceId: string): readonly ServiceInstance[] {
    void this.#follow(serviceId)
    return this.#table.instances(serviceId)
  }

  services (): readonly string[] {
    return this.#catalog.map(name => name.toLowerCase())
  }

  watch (serviceId: string, listener: InstancesListener): () => void {
    if (serviceId === ALL) {
      this.#wantsAll = true
      this.#followAll()
    } else void this.#follow(serviceId)
    return this.#table.watch(serviceId, listener)
  }

  /** Resolves with the first answer for this name, or when the wait is over. */
  async ensure (serviceId: string): Promise<void> {
    await this.#limited(this.#follow(serviceId))
  }

  onConnect (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #followAll (): void {
    for (const name of this.#catalog) void this.#follow(name)
  }

  /** Consul's names keep their case, ours have none: the catalog's spelling is asked for when it is known. */
  #follow (serviceId: string): Promise<void> {
    const key = serviceId.toLowerCase()
    const known = this.#followed.get(key)
    if (known !== undefined || this.#followed.size >= MAX_FOLLOWED) return known?.first ?? Promise.resolve()
    const service = this.#catalog.find(name => name.toLowerCase() === key) ?? key
    const first = Promise.withResolvers<void>()
    const watch = this.#watch(query => this.#consul.health.service(query as never), { service }, answer => {
      const entries = (answer as unknown[]).map(entry => readEntry(key, entry))
      this.#table.replace(key, entries.filter(entry => entry !== undefined))
      first.resolve()
    })
    this.#followed.set(key, { watch, first: first.promise })
    return first.promise
  }

  #watch (method: (query: object) => Promise<unknown>, query: object, onChange: (answer: unknown) => void): Watch {
    const options = { ...query, wait: WAIT } as never
    const watch = this.#consul.watch({ method: method as never, options, backoffMax: BACK_OFF_LIMIT_MS })
    watch.on('change', answer => {
      onChange(answer)
      this.#reached()
    })
    watch.on('error', failure => this.#lost(failure))
    return watch
  }

  #reached (): void {
    const wasConnected = this.#reachedMs > this.#lostMs
    // Strictly later than the loss, also within one millisecond.
    this.#reachedMs = Math.max(Date.now(), this.#lostMs + 1)
    if (wasConnected) return
    this.#log.info({ server: this.description }, 'consul reached')
    for (const listener of this.#listeners) listener()
  }

  #lost (failure: unknown): void {
    if (this.connected || this.#lostMs === 0) {
      this.#log.warn({ err: failure, server: this.description }, 'consul lost, the last known instances go on serving')
    }
    this.#lostMs = Math.max(Date.now(), this.#reachedMs)
  }

  async #limited (work: Promise<void>): Promise<void> {
    await Promise.race([work, sleep(this.#options.startTimeoutMs, undefined, { ref: false })])
  }
}
