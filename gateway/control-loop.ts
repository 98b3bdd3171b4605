/**
 * What decides behind the data plane: settings, definitions, discovery -> one snapshot -> every worker at once.
 *
 * A snapshot is compiled here first, so that a fault reaches whoever caused it (the start, a refresh, an admin call)
 * and never a worker; the workers keep the old table until the new one is whole. Instances travel apart from
 * snapshots: they change often, and a table need not be compiled again because a server came or went.
 */
import type { DiscoveryClient, ServiceInstance } from '@breakwater/starter/discovery'
import type { Logger } from '@breakwater/starter/logger'
import { CacheOwner } from './cache/cache-owner.ts'
import type { RoutingOptions } from './options.ts'
import { WorkerCompiler, type GatewaySnapshot, type Question } from './routes/compile.ts'
import type { NamedArgs, RouteDefinition } from './routes/route.ts'
import type { RouteStore } from './routes/route-store.ts'
import type { IndexedTable } from './routes/table.ts'
import { clusterName } from './upstream/cluster-registry.ts'
import type { DataPlane, WorkerHost } from './workers/contract.ts'

/** What the settings say now; read again at every refresh. */
export interface Configuration {
  readonly routing: RoutingOptions
  readonly routes: readonly RouteDefinition[]
  readonly defaultFilters: readonly NamedArgs[]
  /** Routes made of the services there are; undefined when the locator is off. */
  readonly locate: ((services: readonly string[], instancesOf: (name: string) => readonly ServiceInstance[]) =>
    readonly RouteDefinition[]) | undefined
}

export interface ControlLoopParts {
  readonly dataPlane: DataPlane
  readonly discovery: DiscoveryClient
  readonly store: RouteStore
  readonly log: Logger
  readonly read: () => Configuration
}

export class ControlLoop {
  readonly #parts: ControlLoopParts
  readonly #instances = new Map<string, readonly ServiceInstance[]>()
  readonly #shadow: WorkerCompiler
  #configuration: Configuration
  #table: IndexedTable
  #services = ''
  #applying: Promise<void> = Promise.resolve()
  #unwatch: () => void = () => {}

  constructor (parts: ControlLoopParts) {
    this.#parts = parts
    this.#shadow = new WorkerCompiler(shadowHost(parts), false)
    this.#configuration = parts.read()
    this.#table = this.#shadow.compile(this.#snapshot(this.#configuration))
  }

  /** Routes of the table in use, for the admin's lists. */
  get table (): IndexedTable {
    return this.#table
  }

  get configuration (): Configuration {
    return this.#configuration
  }

  /** Puts the first snapshot into the workers and follows discovery from then on. */
  async start (): Promise<void> {
    this.#parts.dataPlane.onEvent((topic, payload, loop) => this.#heard(topic, payload, loop))
    this.#unwatch = this.#parts.discovery.watch('*', (service, instances) => this.#changed(service, instances))
    await this.apply()
  }

  stop (): void {
    this.#unwatch()
    this.#shadow.stop()
  }

  /** Reads the settings again and swaps; on a fault everything stays and the caller is told. */
  async refresh (): Promise<void> {
    await this.apply(this.#parts.read())
  }

  /** Compiles what is now and swaps it in, one swap after the other. */
  async apply (configuration?: Configuration): Promise<void> {
    const next = this.#applying.catch(() => {}).then(async () => {
      const wanted = configuration ?? this.#configuration
      const snapshot = this.#snapshot(wanted)
      const table = this.#shadow.compile(snapshot)
      this.#askFor(snapshot.routes)
      await this.#parts.dataPlane.apply({ ...snapshot, cells: this.#shadow.cells.all })
      this.#table = table
      this.#configuration = wanted
    })
    this.#applying = next
    await next
  }

  /** Puts definitions in or takes one out, whole or not at all: on a fault the store is as before. */
  async change (edit: (store: RouteStore) => void): Promise<void> {
    const { store } = this.#parts
    const before = store.list()
    edit(store)
    try {
      await this.apply()
    } catch (fault) {
      store.replace(before)
      throw fault
    }
    await store.save()
  }

  async ask<T> (question: Question, payload?: unknown): Promise<T[]> {
    return await this.#parts.dataPlane.ask(question, payload) as T[]
  }

  get services (): readonly string[] {
    return this.#parts.discovery.services()
  }

  #snapshot ({ routes, defaultFilters, routing, locate }: Configuration): GatewaySnapshot {
    const { discovery, store } = this.#parts
    const located = locate?.(discovery.services(), name => discovery.instances(name)) ?? []
    return {
      routes: [...routes, ...store.list(), ...located],
      defaultFilters,
      options: routing,
      instances: Object.fromEntries(this.#instances)
    }
  }

  /** Some sources (DNS) list nothing by themselves: they answer for the names that they were asked about, then on. */
  #askFor (routes: readonly RouteDefinition[]): void {
    for (const { uri } of routes) if (/^lb:/i.test(uri)) this.#parts.discovery.instances(clusterName(uri))
  }

  #changed (service: string, instances: readonly ServiceInstance[]): void {
    this.#instances.set(service, instances)
    this.#send(service, instances)
    if (this.#configuration.locate === undefined) return
    const services = this.#parts.discovery.services().toSorted().join()
    if (services === this.#services) return
    this.#services = services
    this.apply().catch((fault: unknown) => this.#parts.log.error({ err: fault }, 'routes of the services found do not compile'))
  }

  /** What one event loop found out the others need not find out again, each at the price of requests that fail. */
  #heard (topic: string, payload: unknown, loop: number): void {
    if (topic === 'compiled') return this.#sendInstances()
    if (topic === 'loop-ended') return this.#shadow.giveBack(loop)
    const others = this.#parts.dataPlane.workersAlive > 1
    if (others && (topic === 'ejected' || topic === 'outdated')) this.#pass(topic, payload)
  }

  #pass (question: Question, payload: unknown): void {
    this.#parts.dataPlane.ask(question, payload)
      .catch((cause: unknown) => this.#parts.log.warn({ err: cause, question }, 'the event loops were not told'))
  }

  /** A worker that has just started knows the instances of its snapshot only, which may be old by now. */
  #sendInstances (): void {
    for (const [service, instances] of this.#instances) this.#send(service, instances)
  }

  #send (service: string, instances: readonly ServiceInstance[]): void {
    this.#pass('instances', { service, instances })
  }
}

/** The shadow compiles for its faults and texts only: it carries no request, so its clock and log matter little. */
function shadowHost ({ log, dataPlane }: ControlLoopParts): WorkerHost {
  return {
    now: () => performance.now(),
    place: { index: 0, count: dataPlane.loops },
    cache: new CacheOwner(() => performance.now()).access(0),
    random: () => Math.random(),
    log: (level, message, fields) => log[level]({ ...fields }, message),
    emit: () => {}
  }
}
