/**
 * Instances from a cluster's EndpointSlices, for `breakwater.kubernetes.mode: endpoints`.
 *
 * The road of a change: a pod turns ready -> its slice changes -> the API sends it down the watch (reflector) ->
 * the slices of that one service are read again (slices) -> if the list differs, the watchers get the new one.
 * Nothing here writes: readiness is the kubelet's business, and there is no lease to renew.
 * When the API is away the last known instances go on being served; `connected` says so.
 */
import { ALL, InstanceTable } from './instance-table.ts'
import { connectKubernetes } from './kubernetes-api.ts'
import { readKubernetesOptions } from './kubernetes-options.ts'
import { reflect } from './kubernetes-reflector.ts'
import { canonicalName, CLUSTER_DOMAIN } from './service-name.ts'
import { instancesOf, serviceOf } from './kubernetes-slices.ts'
import type { Settings } from '../settings/index.ts'
import type { DiscoveryClient, InstancesListener, ServiceInstance } from './discovery-client.ts'
import type { KubernetesApi, KubernetesObject } from './kubernetes-api.ts'
import type { KubernetesOptions } from './kubernetes-options.ts'
import type { ReflectorOptions } from './kubernetes-reflector.ts'
import type { SlicePort } from './kubernetes-ports.ts'
import type { EndpointSlice, SliceView } from './kubernetes-slices.ts'

/** The two words of a pino logger that are needed here. */
export interface KubernetesLog {
  info (data: object, text: string): void
  warn (data: object, text: string): void
}

/** What a test replaces. */
export interface KubernetesParts {
  readonly connect?: typeof connectKubernetes
  readonly random?: ReflectorOptions['random']
  readonly sleep?: ReflectorOptions['sleep']
}

/** The client of `PROFILE=k8s` with `breakwater.kubernetes.mode: endpoints`. */
export function createKubernetesDiscovery (settings: Settings, log: KubernetesLog): DiscoveryClient {
  return new KubernetesDiscovery(readKubernetesOptions(settings), log)
}

/** Watches the EndpointSlices of one, several or all namespaces. */
export class KubernetesDiscovery implements DiscoveryClient {
  description = 'kubernetes endpoints'
  readonly #options: KubernetesOptions
  readonly #log: KubernetesLog
  readonly #parts: KubernetesParts
  readonly #slices = new Map<string, Map<string, EndpointSlice>>()
  /** Which service each slice was put under: a slice that is given another label must leave the old one. */
  readonly #serviceOf = new Map<string, string>()
  /** Services whose port was told to be unclear. */
  readonly #unclear = new Set<string>()
  readonly #table: InstanceTable
  readonly #stopping = new AbortController()
  /** Per watched collection; connected means all of them are. */
  readonly #connected = new Map<string, boolean>()
  #view: SliceView = { namespace: 'default' }
  #running: Promise<unknown> = Promise.resolve()

  constructor (options: KubernetesOptions, log: KubernetesLog, parts: KubernetesParts = {}) {
    this.#options = options
    this.#log = log
    this.#parts = parts
    this.#table = new InstanceTable((err) => log.warn({ err }, 'a listener of instances failed'))
  }

  get connected (): boolean {
    return this.#connected.size > 0 && [...this.#connected.values()].every(Boolean)
  }

  async start (): Promise<void> {
    const connect = this.#parts.connect ?? connectKubernetes
    const api = await connect({ kubeconfig: this.#options.kubeconfig })
    const { namespaces, portName, zone, node } = this.#options
    this.#view = {
      namespace: api.namespace, portName, zone, node,
      portNames: new Map(Array.from(this.#options.portNames ?? [],
        ([name, port]) => [this.#canonical(name, api.namespace), port])),
      onUnclearPort: (service, ports, chosen) => this.#tellPort(service, ports, chosen)
    }
    this.description = `kubernetes endpoints ${api.description}`
    const known = this.#watchCollections(api, namespaces.length === 0 ? [api.namespace] : namespaces)
    await Promise.race([known, delay(this.#options.startTimeoutMs, this.#stopping.signal)])
  }

  async stop (): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  instances (serviceId: string): readonly ServiceInstance[] {
    return this.#table.instances(this.#canonical(serviceId))
  }

  services (): readonly string[] {
    return this.#table.services()
  }

  watch (serviceId: string, listener: InstancesListener): () => void {
    // Who asked for `users.shop` is told of `users.shop`, whatever it is called here.
    return serviceId === ALL
      ? this.#table.watch(serviceId, listener)
      : this.#table.watch(this.#canonical(serviceId), (_name, instances) => listener(serviceId, instances))
  }

  /** Resolves when each collection has been listed once. */
  #watchCollections (api: KubernetesApi, namespaces: readonly string[]): Promise<unknown> {
    const paths = namespaces.includes('*') ? [slicesPath()] : namespaces.map(slicesPath)
    const first = paths.map((path) => {
      this.#connected.set(path, false)
      return Promise.withResolvers<void>()
    })
    this.#running = Promise.all(paths.map((path, index) =>
      this.#reflect(api, path, () => first[index]?.resolve())))
    return Promise.all(first.map((one) => one.promise))
  }

  #reflect (api: KubernetesApi, path: string, listed: () => void): Promise<void> {
    return reflect({
      api,
      path,
      onReplace: (objects) => {
        this.#replace(path, objects)
        listed()
      },
      onChange: (object, gone) => this.#apply(path, object, gone),
      onConnected: (connected, cause) => this.#setConnected(path, connected, cause),
      ...this.#parts.random !== undefined && { random: this.#parts.random },
      ...this.#parts.sleep !== undefined && { sleep: this.#parts.sleep }
    }, this.#stopping.signal)
  }

  #setConnected (path: string, connected: boolean, cause: unknown): void {
    const before = this.#connected.get(path)
    this.#connected.set(path, connected)
    if (connected && before === false) this.#log.info({ path }, 'following the Kubernetes API')
    if (!connected) this.#log.warn({ path, err: cause }, 'lost the Kubernetes API, serving what was last known')
  }

  /** One list is one state: what it does not name any more is gone. */
  #replace (path: string, objects: readonly KubernetesObject[]): void {
    const listed = new Set(objects.map((object) => sliceKey(path, object)))
    for (const slices of this.#slices.values()) {
      for (const key of slices.keys()) {
        if (!key.startsWith(`${path} `) || listed.has(key)) continue
        slices.delete(key)
        this.#serviceOf.delete(key)
      }
    }
    for (const object of objects) this.#store(path, object, false)
    for (const service of this.#slices.keys()) this.#publish(service)
  }

  #apply (path: string, object: KubernetesObject, gone: boolean): void {
    const before = this.#serviceOf.get(sliceKey(path, object))
    const service = this.#store(path, object, gone)
    for (const one of new Set([before, service])) if (one !== undefined) this.#publish(one)
  }

  #store (path: string, object: KubernetesObject, gone: boolean): string | undefined {
    const key = sliceKey(path, object)
    const before = this.#serviceOf.get(key)
    if (before !== undefined) this.#slices.get(before)?.delete(key)
    this.#serviceOf.delete(key)
    const service = serviceOf(object, this.#view.namespace)
    if (service === undefined || gone) return service
    const slices = this.#slices.get(service) ?? new Map<string, EndpointSlice>()
    this.#slices.set(service, slices.set(key, object))
    this.#serviceOf.set(key, service)
    return service
  }

  #canonical (name: string, namespace = this.#view.namespace): string {
    return canonicalName(name, { namespace, domain: this.#options.domain ?? CLUSTER_DOMAIN })
  }

  /** Once for each service: its slices come again with every pod. */
  #tellPort (service: string, ports: readonly SlicePort[], chosen: number | undefined): void {
    if (this.#unclear.has(service) || this.#unclear.size >= MAX_TOLD) return
    this.#unclear.add(service)
    const said = { service, ports: ports.map(({ name, port }) => `${name ?? ''}:${port ?? ''}`), chosen }
    if (ports.length === 0) this.#log.warn(said, 'this Service has no port, so that its pods cannot be called')
    else this.#log.warn(said, `which port of this Service is meant is not clear: ${HOW_TO_SAY}`)
  }

  #publish (service: string): void {
    const slices = this.#slices.get(service) ?? new Map<string, EndpointSlice>()
    if (slices.size === 0) this.#slices.delete(service)
    this.#table.replace(service, instancesOf(service, [...slices.values()], this.#view))
  }
}

/** Services told of; more would be a log of nothing else. */
const MAX_TOLD = 1_000
const HOW_TO_SAY = 'label it primary-port-name, or set breakwater.kubernetes.services.NAME.port-name'

function slicesPath (namespace?: string): string {
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `/apis/discovery.k8s.io/v1${scope}/endpointslices`
}

function sliceKey (path: string, object: KubernetesObject): string {
  return `${path} ${object.metadata.namespace ?? ''}/${object.metadata.name}`
}

function delay (ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    timer.unref()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
