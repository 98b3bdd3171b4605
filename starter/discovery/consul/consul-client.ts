/**
 * Discovery from Consul: the services that somebody asked for are followed (consul/service-follower.ts). Changes arrive
 * when they happen; when Consul is away, what was last known keeps serving.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { describeConsul } from '../../consul/connection.ts'
import type { ConsulConnection } from '../../consul/connection.ts'
import { ConsulReader } from '../../consul/reader.ts'
import { ServiceFollower } from '../../consul/service-follower.ts'
import type { Logger } from '../../logger.ts'
import type { DiscoveryClient, InstancesListener, ServiceInstance } from '../discovery-client.ts'
import { ALL, InstanceTable } from '../instance-table.ts'
import { readEntry } from './consul-instance.ts'

/** How long one blocking query may last; Consul answers earlier when something changed. */
const WAIT_MS = 55_000

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
  readonly #reader: ConsulReader
  readonly #table: InstanceTable
  readonly #follower: ServiceFollower
  readonly #listeners = new Set<() => void>()
  #catalog: readonly string[] = []
  #wantsAll = false

  constructor (options: ConsulDiscoveryOptions, log: Logger) {
    this.#options = options
    this.#log = log.child({ logger: 'discovery' })
    this.#reader = new ConsulReader(options.connection)
    this.#table = new InstanceTable(err => this.#log.error({ err }, 'a watcher of instances failed'))
    this.description = describeConsul(options.connection)
    this.#follower = new ServiceFollower({
      reader: this.#reader,
      waitMs: WAIT_MS,
      onNames: names => this.#named(names),
      onEntries: (name, entries) => this.#take(name, entries),
      onReached: () => this.#reached(),
      onLost: err => this.#log.warn({ err, server: this.description }, 'consul lost, the last known instances go on serving'),
      onCutOff: most => this.#log.warn({ most }, 'more services than are followed: the rest stays unknown to this process')
    })
  }

  get connected (): boolean {
    return this.#follower.connected
  }

  async start (): Promise<void> {
    await this.#limited(this.#follower.start())
  }

  async stop (): Promise<void> {
    this.#follower.stop()
    this.#reader.close()
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

  #named (names: readonly string[]): void {
    this.#catalog = names
    if (this.#wantsAll) this.#followAll()
  }

  #followAll (): void {
    for (const name of this.#catalog) void this.#follow(name)
  }

  /** Consul's names are the same in any case, and are asked for as callers write them. */
  #follow (serviceId: string): Promise<void> {
    return this.#follower.follow(serviceId.toLowerCase())
  }

  #take (name: string, entries: readonly unknown[]): void {
    this.#table.replace(name, entries.map(entry => readEntry(name, entry)).filter(entry => entry !== undefined))
  }

  #reached (): void {
    this.#log.info({ server: this.description }, 'consul reached')
    for (const listener of this.#listeners) listener()
  }

  async #limited (work: Promise<void>): Promise<void> {
    await Promise.race([work, sleep(this.#options.startTimeoutMs, undefined, { ref: false })])
  }
}
