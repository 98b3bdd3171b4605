/**
 * Names resolved by DNS: in Kubernetes a Service's name is its address, and kube-proxy balances behind it; a headless
 * Service gives one address per pod, and we balance. Names are asked when first wanted and then again and again; an
 * answer that does not come leaves the last one in force.
 */
import { lookup, Resolver } from 'node:dns/promises'
import type { Settings } from '../settings/index.ts'
import type { Logger } from '../logger.ts'
import type { DiscoveryClient, InstancesListener, ServiceInstance } from './discovery-client.ts'
import type { DiscoveryAdapter } from './factory.ts'
import { InstanceTable } from './instance-table.ts'

/** Addresses of a host name; rejects with Node's DNS error codes. */
export type ResolveHost = (host: string) => Promise<readonly string[]>

export interface DnsOptions {
  /** Appended to a service's name: `.shop.svc.cluster.local`; empty leaves it to the search list of the pod. */
  readonly suffix: string
  /** Port of every Service that has none of its own in `ports`. */
  readonly port: number
  readonly ports: ReadonlyMap<string, number>
  readonly refreshMs: number
  /** A resolver that hangs must not hang the caller. */
  readonly timeoutMs: number
}

/** Codes by which DNS says "there is none", as opposed to "I cannot tell". */
const NO_SUCH_NAME = new Set(['ENOTFOUND', 'ENODATA'])
/** Names come from callers' code and routes; more than this is a caller that makes them up. */
const MAX_NAMES = 10_000

/** See the head of this file. */
export class DnsDiscoveryClient implements DiscoveryClient {
  connected = true
  readonly description: string
  readonly #options: DnsOptions
  readonly #resolve: ResolveHost
  readonly #log: Logger
  readonly #table: InstanceTable
  /** By lower-case name; the names as they were first asked for. */
  readonly #asked = new Map<string, { readonly name: string, readonly first: Promise<void> }>()
  #timer: NodeJS.Timeout | undefined

  constructor (options: DnsOptions, resolve: ResolveHost, log: Logger) {
    this.#options = options
    this.#resolve = resolve
    this.#log = log.child({ logger: 'discovery' })
    this.#table = new InstanceTable(err => this.#log.error({ err }, 'a watcher of instances failed'))
    this.description = `dns <service>${options.suffix}:${options.port}`
  }

  async start (): Promise<void> {
    this.#timer ??= setInterval(() => this.#refresh(), this.#options.refreshMs).unref()
  }

  async stop (): Promise<void> {
    clearInterval(this.#timer)
  }

  instances (serviceId: string): readonly ServiceInstance[] {
    void this.ensure(serviceId)
    return this.#table.instances(serviceId)
  }

  services (): readonly string[] {
    return this.#table.services()
  }

  watch (serviceId: string, listener: InstancesListener): () => void {
    if (serviceId !== '*') void this.ensure(serviceId)
    return this.#table.watch(serviceId, listener)
  }

  /** Resolves when the name was asked once; never rejects. */
  ensure (serviceId: string): Promise<void> {
    const key = serviceId.toLowerCase()
    const known = this.#asked.get(key)
    if (known !== undefined || this.#asked.size >= MAX_NAMES) return known?.first ?? Promise.resolve()
    const first = this.#ask(serviceId)
    this.#asked.set(key, { name: serviceId, first })
    return first
  }

  #refresh (): void {
    for (const { name } of this.#asked.values()) void this.#ask(name)
  }

  async #ask (name: string): Promise<void> {
    try {
      const addresses = await withDeadline(this.#resolve(`${name.toLowerCase()}${this.#options.suffix}`), this.#options.timeoutMs)
      this.connected = true
      this.#table.replace(name, addresses.map(address => this.#instance(name, address)))
    } catch (failure) {
      this.#failed(name, failure as NodeJS.ErrnoException)
    }
  }

  #failed (name: string, failure: NodeJS.ErrnoException): void {
    if (failure.code !== undefined && NO_SUCH_NAME.has(failure.code)) return this.#table.replace(name, [])
    if (this.connected) this.#log.warn({ err: failure, name }, 'DNS does not answer, the last known addresses go on serving')
    this.connected = false
  }

  #instance (name: string, address: string): ServiceInstance {
    const port = this.#options.ports.get(name.toLowerCase()) ?? this.#options.port
    return {
      instanceId: `${address}:${port}`, serviceId: name, host: address, port, secure: false, status: 'UP',
      zone: undefined, metadata: {}
    }
  }
}

/** What `breakwater.discovery.client: dns` makes: nothing registers, a Service knows its pods by itself. */
export const dnsAdapter: DiscoveryAdapter = {
  client: (settings, log) =>
    new DnsDiscoveryClient(readDnsOptions(settings), createResolver(settings.list('breakwater.dns.servers', [])), log)
}

/** `breakwater.kubernetes.*`: namespace, domain, service-port, services.<name>.port; `breakwater.dns.*`. */
export function readDnsOptions (settings: Settings): DnsOptions {
  const namespace = settings.get('breakwater.kubernetes.namespace')
  const domain = settings.string('breakwater.kubernetes.cluster-domain', 'cluster.local')
  const ports = new Map<string, number>()
  const prefix = 'breakwater.kubernetes.services'
  for (const [service, key] of settings.members(prefix)) {
    if (settings.get(`${key}.port`) !== undefined) ports.set(service.toLowerCase(), settings.integer(`${key}.port`))
  }
  return {
    suffix: settings.string('breakwater.dns.suffix', namespace === undefined ? '' : `.${namespace}.svc.${domain}`),
    port: settings.integer('breakwater.kubernetes.service-port', 8080),
    ports,
    refreshMs: settings.durationMs('breakwater.dns.refresh', 5_000),
    timeoutMs: settings.durationMs('breakwater.dns.timeout', 2_000)
  }
}

/**
 * The machine's resolver, which knows the pod's search list; or, with `breakwater.dns.servers`, those servers asked
 * directly with the full name.
 */
export function createResolver (servers: readonly string[]): ResolveHost {
  if (servers.length === 0) return async host => (await lookup(host, { all: true })).map(({ address }) => address)
  const resolver = new Resolver({ timeout: 1_000, tries: 2 })
  resolver.setServers([...servers])
  return host => resolver.resolve4(host)
}

async function withDeadline<T> (work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'ETIMEOUT' })), timeoutMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
