/** Helpers of the tests: exchanges without sockets, and a compiler over definitions written as in YAML. */
import { CacheOwner } from '../cache/cache-owner.ts'
import { DATA_PLANE_DEFAULTS } from '../data-plane-options.ts'
import { ROUTING_DEFAULTS, type RoutingOptions } from '../options.ts'
import { WorkerCompiler, type GatewaySnapshot } from '../routes/compile.ts'
import { readFilters, readRoutes } from '../routes/definitions.ts'
import { ProbeExchange } from '../routes/probe-exchange.ts'
import type { Route } from '../routes/route.ts'
import type { IndexedTable } from '../routes/table.ts'
import { Destinations } from '@breakwater/starter/security'
import type { Address } from '../upstream/dial.ts'
import { tcpProbe } from '../upstream/probe.ts'
import type { WorkerHost } from '../workers/contract.ts'
import type { ServiceInstance } from '@breakwater/starter/discovery'

export const dataPlane = DATA_PLANE_DEFAULTS

/** A clock and a dice that tests turn themselves. */
export class TestHost implements WorkerHost {
  nowMs = 1_000
  draws: number[] = []
  readonly logged: string[] = []
  readonly emitted: Array<[string, unknown]> = []
  readonly place = { index: 0, count: 1 }
  readonly cache = new CacheOwner(() => this.nowMs).access(0)
  now (): number { return this.nowMs }
  random (): number { return this.draws.shift() ?? Math.random() }
  log (_level: string, message: string): void { this.logged.push(message) }
  emit (topic: string, payload: unknown): void { this.emitted.push([topic, payload]) }
  probe (instance: Address): Promise<boolean> { return tcpProbe(instance, new Destinations()) }
}

export interface Compiled {
  readonly table: IndexedTable
  readonly compiler: WorkerCompiler
  readonly host: TestHost
}

/** Compiles routes given as YAML would give them. */
export function compiled (routes: unknown, options: Partial<RoutingOptions> = {}, defaultFilters: unknown = [],
  instances: Record<string, ServiceInstance[]> = {}, host = new TestHost()): Compiled {
  const compiler = new WorkerCompiler(host)
  const table = compiler.compile(snapshot(routes, options, defaultFilters, instances))
  return { table, compiler, host }
}

export function snapshot (routes: unknown, options: Partial<RoutingOptions> = {}, defaultFilters: unknown = [],
  instances: Record<string, ServiceInstance[]> = {}): GatewaySnapshot {
  const definitions = readRoutes(routes, 'routes', key => `test.yml ${key}`).map(result => {
    if ('fault' in result) throw result.fault
    return result.definition
  })
  return {
    routes: definitions,
    defaultFilters: readFilters(defaultFilters, 'default-filters', () => 'test.yml'),
    options: { ...ROUTING_DEFAULTS, ...options },
    instances
  }
}

let requests = 0

/** `GET http://host/path?query` as an exchange. */
export function request (url: string, headers: Record<string, string> = {}, method = 'GET', remoteAddress = '127.0.0.1'): ProbeExchange {
  return new ProbeExchange({ method, url, headers, remoteAddress }, 1_000, `r${++requests}`)
}

/** Matches and runs the request filters. */
export async function through (table: IndexedTable, x: ProbeExchange):
Promise<{ route: Route, x: ProbeExchange, reply: unknown }> {
  const route = table.match(x)
  if (route === undefined) throw new Error(`no route for ${x.rawPath}`)
  x.route = route
  for (const filter of route.requestFilters) {
    const reply = await filter.request?.(x)
    if (reply !== undefined) return { route, x, reply }
  }
  return { route, x, reply: undefined }
}

export function instance (id: string, port = 1, extra: Partial<ServiceInstance> = {}): ServiceInstance {
  return { instanceId: id, serviceId: 'users', host: '127.0.0.1', port, secure: false, status: 'UP', metadata: {}, ...extra }
}
