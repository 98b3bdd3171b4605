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
import { canonicalName, CLUSTER_DOMAIN, parseServiceName } from './service-name.ts'
import type { NamePlace } from './service-name.ts'

/** Addresses of a host name; rejects with Node's DNS error codes. */
export type ResolveHost = (host: string) => Promise<readonly string[]>

export interface DnsOptions {
  /** Appended to a service's name: `.shop.svc.cluster.local`; empty leaves it to the search list of the pod. */
  readonly suffix: string
  /** How names that say their namespace are read; undefined: they are names like any other. */
  readonly place?: NamePlace | undefined
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
      const addresses = await withDeadline(this.#resolve(hostOf(name, this.#options)), this.#options.timeoutMs)
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
    const port = this.#options.ports.get(keyOf(name, this.#options.place)) ?? this.#options.port
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
  const domain = settings.string('breakwater.kubernetes.cluster-domain', CLUSTER_DOMAIN)
  const suffix = settings.get('breakwater.dns.suffix')
  const place = suffix === undefined ? { namespace, domain } : undefined
  const ports = new Map<string, number>()
  const prefix = 'breakwater.kubernetes.services'
  for (const [service, key] of settings.members(prefix)) {
    if (settings.get(`${key}.port`) !== undefined) ports.set(keyOf(service, place), settings.integer(`${key}.port`))
  }
  return {
    suffix: suffix ?? (namespace === undefined ? '' : `.${namespace}.svc.${domain}`),
    place,
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
  return host => bothFamilies(host, resolver)
}

/** A name of one family only has none of the other, which is no failure. */
async function bothFamilies (host: string, resolver: Resolver): Promise<readonly string[]> {
  const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
  const found = answers.flatMap(answer => answer.status === 'fulfilled' ? answer.value : [])
  if (found.length > 0) return found
  const reasons = answers.map(answer => (answer as PromiseRejectedResult).reason as NodeJS.ErrnoException)
  // "I cannot tell" of one family counts before "there is none" of the other: addresses are not forgotten for it.
  throw reasons.find(({ code }) => code === undefined || !NO_SUCH_NAME.has(code)) ?? reasons[0]
}

/** A suffix that was set is put to every name; within a namespace, names that say another one are asked there. */
function hostOf (name: string, { suffix, place }: DnsOptions): string {
  const parsed = place?.namespace === undefined ? undefined : parseServiceName(name, place)
  if (place?.namespace === undefined || (parsed === undefined && !name.includes('.'))) return `${name.toLowerCase()}${suffix}`
  if (parsed === undefined) return name.toLowerCase()
  return `${parsed.service}.${parsed.namespace ?? place.namespace}.svc.${place.domain}`
}

/** The one spelling of a name. */
function keyOf (name: string, place: NamePlace | undefined): string {
  return place === undefined ? name.toLowerCase() : canonicalName(name, place)
}

async function withDeadline<T> (work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'ETIMEOUT' })), timeoutMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
