/**
 * Instances from a cluster's EndpointSlices, for `breakwater.kubernetes.mode: endpoints`.
 *
 * The road of a change: a pod turns ready -> its slice changes -> the API sends it down the watch (reflector) ->
 * the slices of that one service are read again (slices) -> if the list differs, the watchers get the new one.
 * Nothing here writes: readiness is the kubelet's business, and there is no lease to renew.
 * When the API is away the last known instances go on being served; `connected` says so.
 */
import { InstanceTable } from './instance-table.ts'
import { connectKubernetes } from './kubernetes-api.ts'
import { readKubernetesOptions } from './kubernetes-options.ts'
import { reflect } from './kubernetes-reflector.ts'
import { instancesOf, serviceOf } from './kubernetes-slices.ts'
import type { Settings } from '../settings/index.ts'
import type { DiscoveryClient, InstancesListener, ServiceInstance } from './discovery-client.ts'
import type { KubernetesApi, KubernetesObject } from './kubernetes-api.ts'
import type { KubernetesOptions } from './kubernetes-options.ts'
import type { ReflectorOptions } from './kubernetes-reflector.ts'
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
    this.#view = { namespace: api.namespace, portName, zone, node }
    this.description = `kubernetes endpoints ${api.description}`
    const known = this.#watchCollections(api, namespaces.length === 0 ? [api.namespace] : namespaces)
    await Promise.race([known, delay(this.#options.startTimeoutMs, this.#stopping.signal)])
  }

  async stop (): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  instances (serviceId: string): readonly ServiceInstance[] {
    return this.#table.instances(serviceId)
  }

  services (): readonly string[] {
    return this.#table.services()
  }

  watch (serviceId: string, listener: InstancesListener): () => void {
    return this.#table.watch(serviceId, listener)
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
        if (key.startsWith(`${path} `) && !listed.has(key)) slices.delete(key)
      }
    }
    for (const object of objects) this.#store(path, object, false)
    for (const service of this.#slices.keys()) this.#publish(service)
  }

  #apply (path: string, object: KubernetesObject, gone: boolean): void {
    const service = this.#store(path, object, gone)
    if (service !== undefined) this.#publish(service)
  }

  #store (path: string, object: KubernetesObject, gone: boolean): string | undefined {
    const service = serviceOf(object, this.#view.namespace)
    if (service === undefined) return undefined
    const slices = this.#slices.get(service) ?? new Map<string, EndpointSlice>()
    this.#slices.set(service, slices)
    if (gone) slices.delete(sliceKey(path, object))
    else slices.set(sliceKey(path, object), object)
    return service
  }

  #publish (service: string): void {
    const slices = this.#slices.get(service) ?? new Map<string, EndpointSlice>()
    if (slices.size === 0) this.#slices.delete(service)
    this.#table.replace(service, instancesOf(service, [...slices.values()], this.#view))
  }
}

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
