/**
 * The routing side of one worker: compiles every snapshot, and keeps what must outlive tables (clusters with their
 * counters, breakers, plugins). The data plane loads this module and calls `createCompiler` once per event loop.
 */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { ServiceInstance } from '@breakwater/starter/discovery'
import { error } from '../errors.ts'
import { ROUTING_DEFAULTS, type RoutingOptions } from '../options.ts'
import { LoopCache } from '../cache/loop-cache.ts'
import type { CacheSelection } from '../cache/selection.ts'
import { SharedCells, type CellsByName } from '../shared/shared-cells.ts'
import { RateLimiters } from '../rate-limit/rate-limiters.ts'
import { Bulkheads } from '../upstream/bulkhead.ts'
import { BreakerRegistry } from '../upstream/breaker-registry.ts'
import { ClusterRegistry, type Ejection } from '../upstream/cluster-registry.ts'
import type { Compiler, LocalHandler, Snapshot, WorkerHost } from '../workers/contract.ts'
import { compileTable, http2ByCluster } from './compile-table.ts'
import { breakerReports, clusterReports, limitReports } from './reports.ts'
import { localAnswers } from './local-answers.ts'
import { Plugins, type Plugin } from './plugins.ts'
import type { NamedArgs, RouteDefinition } from './route.ts'
import { IndexedTable } from './table.ts'
import { WeightGroups } from './weights.ts'
import { explain, type ExplainQuestion } from './explain.ts'

/** What the control loop sends: plain data only. */
export interface GatewaySnapshot extends Snapshot {
  readonly routes: readonly RouteDefinition[]
  readonly defaultFilters: readonly NamedArgs[]
  readonly options: RoutingOptions
  /** Last known instances of every service, for a worker that has just started. */
  readonly instances: Readonly<Record<string, readonly ServiceInstance[]>>
  /** Memory that the event loops share; a loop that is given none is alone. */
  readonly cells?: CellsByName
}

/** What the control loop may ask, beside snapshots. */
export type Question = 'instances' | 'breakers' | 'limits' | 'clusters' | 'explain' | 'breaker-state' |
'ejected' | 'outdated' | 'purge'

/** Makes the routing side of one event loop. */
export function createCompiler (host: WorkerHost): WorkerCompiler {
  return new WorkerCompiler(host)
}

export class WorkerCompiler implements Compiler {
  readonly clusters: ClusterRegistry
  readonly breakers: BreakerRegistry
  readonly cells = new SharedCells()
  readonly #host: WorkerHost
  readonly #serves: boolean
  readonly #bulkheads: Bulkheads
  readonly #limiters: RateLimiters
  readonly #cache: LoopCache
  readonly #plugins = new Map<string, Plugin>()
  #locals: ReadonlyMap<string, LocalHandler> = new Map()
  #options: RoutingOptions = ROUTING_DEFAULTS
  #http2: ReadonlyMap<string, boolean> = new Map()
  #announced = false
  #said: ReadonlySet<string> = new Set()
  #table = new IndexedTable([], [])

  /** `serves` false: compiles for faults and texts only, and opens no connection. */
  constructor (host: WorkerHost, serves = true) {
    this.#host = host
    this.#serves = serves
    this.#cache = new LoopCache(host.cache, () => host.now(), host.place.count)
    this.#bulkheads = new Bulkheads(this.cells, host.place)
    this.#limiters = new RateLimiters(host, this.cells, serves)
    this.breakers = new BreakerRegistry(this.cells, host.place, () => host.now(), (breaker, state) => {
      host.log(state === 'CLOSED' ? 'info' : 'warn', `breaker ${breaker.name} is ${state}`, { breaker: breaker.name, state })
    })
    this.clusters = new ClusterRegistry({
      now: () => host.now(),
      random: () => host.random(),
      probe: instance => host.probe?.(instance) ?? Promise.resolve(true),
      check: (...asked) => host.check?.(...asked) ?? Promise.resolve(true),
      // Whom a loop knows from its beginning is not back: the others have known it, and what breakers know holds.
      recovered: cluster => { if (this.#announced) this.breakers.recovered(cluster) },
      ejected: ejection => host.emit('ejected', ejection),
      log: (message, fields) => host.log('warn', message, fields)
    }, name => this.#clusterOptions(name), ROUTING_DEFAULTS.retryBudget)
  }

  compile (snapshot: Snapshot): IndexedTable {
    const source = snapshot as GatewaySnapshot
    const plugins = this.#load(source.options.plugins)
    this.cells.adopt(source.cells ?? {})
    this.#options = source.options
    this.#http2 = http2ByCluster(source.routes)
    this.clusters.configure(name => this.#clusterOptions(name), source.options.retryBudget)
    for (const [name, instances] of Object.entries(source.instances)) this.clusters.update(name, instances)
    const said = new Set<string>()
    const table = compileTable(source, {
      options: source.options,
      host: this.#host,
      wallClock: () => Date.now(),
      warn: message => this.#warn(message, said),
      clusters: this.clusters,
      breakers: this.breakers,
      bulkheads: this.#bulkheads,
      plugins,
      limiters: this.#limiters,
      responseCache: this.#cache,
      weights: new WeightGroups(() => this.#host.random())
    })
    this.breakers.retain(new Set(table.routes.flatMap(route => route.breaker?.name ?? [])))
    this.#bulkheads.retain(new Set(table.routes.map(route => route.bulkhead)))
    this.cells.retainUsed()
    this.#cache.retainUsed()
    this.#locals = localAnswers(source.options.fallbacks, plugins)
    this.#table = table
    this.#said = said
    if (!this.#announced && this.#serves) this.#announce()
    return table
  }

  /** What was said of the table before is not said again. */
  #warn (message: string, said: Set<string>): void {
    if (!this.#serves && !this.#said.has(message) && !said.has(message)) this.#host.log('warn', message)
    said.add(message)
  }

  /** A worker born later than the snapshot it was given asks for the instances of now. */
  #announce (): void {
    this.#announced = true
    this.#host.emit('compiled', null)
  }

  local (path: string, exact: boolean): LocalHandler | undefined {
    return this.#locals.get(path) ?? (exact ? undefined : this.#locals.get('*'))
  }

  ask (question: string, payload: unknown): unknown {
    switch (question as Question) {
      case 'instances': {
        const { service, instances } = payload as { service: string, instances: ServiceInstance[] }
        return this.clusters.update(service, instances)
      }
      case 'breakers': return breakerReports(this.breakers, this.#bulkheads, this.#host.now())
      case 'limits': return limitReports(this.#bulkheads)
      case 'clusters': return clusterReports(this.clusters, this.#host.now())
      case 'explain': return explain(payload as ExplainQuestion, this.#table, this.breakers, this.#host.now())
      // Loops that balance the same instances differently would each have to burn their fingers.
      case 'ejected': return this.clusters.ejectAlso(payload as Ejection)
      case 'outdated': return this.#cache.forgetCopies(payload as CacheSelection)
      case 'purge': return this.#cache.forget(payload as CacheSelection)
      case 'breaker-state': {
        const { name, state } = payload as { name: string, state: 'OPEN' | 'CLOSED' }
        const breaker = this.breakers.get(name)
        breaker?.force(state)
        return breaker !== undefined
      }
    }
  }

  /** Another event loop, the one at that place, has ended: what it held is free again. */
  giveBack (index: number): void {
    for (const breaker of this.breakers.all) breaker.giveBack(index)
    for (const [, bulkhead] of this.#bulkheads.all) bulkhead.giveBack(index)
  }

  stop (): void {
    this.breakers.stop()
    this.clusters.stop()
    this.#limiters.stop()
  }

  #clusterOptions (name: string) {
    const { outlier, balancers } = this.#options
    return { outlier, balancer: balancers.instances[name] ?? balancers.default, http2: this.#http2.get(name) }
  }

  /** Loaded by require: a worker compiles without waiting, and a module is loaded once however many swaps there are. */
  #load (urls: readonly string[]): Plugins {
    const require = createRequire(import.meta.url)
    const plugins = new Plugins()
    for (const url of urls) {
      const plugin = this.#plugins.get(url) ?? loaded(require, fileURLToPath(url))
      this.#plugins.set(url, plugin)
      plugins.add(plugin)
    }
    return plugins
  }
}

function loaded (require: NodeJS.Require, path: string): Plugin {
  let module: { plugin?: Plugin }
  try {
    module = require(path) as { plugin?: Plugin }
  } catch (cause) {
    throw error('E_PLUGIN_LOAD', [path, (cause as Error).message.split('\n', 1)[0]], { cause })
  }
  if (module.plugin === undefined) throw error('E_PLUGIN_LOAD', [path, 'it exports no "plugin"'])
  return module.plugin
}
