/**
 * A view of a cluster's Services for Eureka clients: each Service is an application, each of its pods an instance.
 * For the months in which some callers still ask a registry while the called already left it (docs/kubernetes.md).
 * It cannot be written to; who registers here beside it goes on living by leases.
 */
import { createKubernetesDiscovery } from '@breakwater/starter/kubernetes'
import type { DiscoveryClient, Logger, ServiceInstance } from '@breakwater/starter'
import type { Settings } from '@breakwater/starter/settings'
import type { Instance, Metadata, Port } from '../registry/instance.ts'
import type { Backend, BackendView } from './backend.ts'

/** A Service with this label set to "false" is left out, for example because its pods register by themselves. */
const VISIBLE_LABEL = 'breakwater.io/discovery'

/** Follows the namespaces of `breakwater.kubernetes.namespaces`, by default the own one. */
export function createKubernetesBackend (settings: Settings, log: Logger): Backend {
  return new KubernetesBackend(createKubernetesDiscovery(settings, log))
}

/** See the head of this file. */
export class KubernetesBackend implements Backend {
  readonly writer = undefined
  readonly #client: DiscoveryClient
  #unwatch = () => {}

  constructor (client: DiscoveryClient) {
    this.#client = client
  }

  get description (): string {
    return this.#client.description
  }

  get connected (): boolean {
    return this.#client.connected
  }

  async start (view: BackendView): Promise<void> {
    this.#unwatch = this.#client.watch('*', (service, instances) => {
      view.replace(service.toUpperCase(), instances.filter(isVisible).map(toEureka))
    })
    await this.#client.start()
  }

  async stop (): Promise<void> {
    this.#unwatch()
    await this.#client.stop()
  }
}

function isVisible (instance: ServiceInstance): boolean {
  return instance.metadata[VISIBLE_LABEL] !== 'false'
}

/**
 * In a client's eyes a pod is what a Spring service would have registered: address instead of a host name, since pod
 * names resolve nowhere, and the actuator's pages. The same pod always gives the same words, so that only true
 * changes are pushed; the times of its lease are the registry's to fill in.
 */
function toEureka (one: ServiceInstance): Instance {
  const id = `${one.metadata['kubernetes.pod'] ?? one.host}:${one.serviceId}:${one.port}`
  const base = `${one.secure ? 'https' : 'http'}://${one.host.includes(':') ? `[${one.host}]` : one.host}:${one.port}`
  const health = `${base}/actuator/health`
  return {
    id,
    instanceId: id,
    hostName: one.host,
    app: one.serviceId.toUpperCase(),
    ipAddr: one.host,
    sid: undefined,
    status: one.status,
    overriddenStatus: 'UNKNOWN',
    port: portOf(one, false),
    securePort: portOf(one, true),
    countryId: 1,
    dataCenter: { name: 'MyOwn', metadata: undefined },
    lease: { renewalIntervalSecs: 30, durationSecs: 90, registeredAt: 0, renewedAt: 0, evictedAt: 0, serviceUpAt: 0 },
    metadata: metadataOf(one),
    appGroupName: undefined,
    homePageUrl: `${base}/`,
    statusPageUrl: `${base}/actuator/info`,
    healthCheckUrl: one.secure ? undefined : health,
    secureHealthCheckUrl: one.secure ? health : undefined,
    vipAddress: one.serviceId,
    secureVipAddress: one.serviceId,
    coordinator: false,
    lastUpdatedAt: 0,
    lastDirtyAt: 0,
    action: 'ADDED',
    asgName: undefined
  }
}

/** Clients take the one that is enabled; the other keeps Eureka's default number. */
function portOf (one: ServiceInstance, secure: boolean): Port {
  return one.secure === secure ? { number: one.port, enabled: true } : { number: secure ? 443 : 80, enabled: false }
}

function metadataOf (one: ServiceInstance): Metadata {
  const metadata = new Map(Object.entries(one.metadata))
  if (one.zone !== undefined) metadata.set('zone', one.zone)
  return metadata
}
