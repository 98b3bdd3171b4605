/**
 * What EndpointSlices say about a service, in the words of this project. Pure: slices in, instances out.
 *
 * The rules are those of kube-proxy, so that balancing here and through a ClusterIP reach the same pods:
 * a missing condition `ready` means yes; pods that end but still serve are used only when nothing else is left
 * (KEP-1669); hints count only when every endpoint has one and some name our node or zone.
 */
import { choosePort } from './kubernetes-ports.ts'
import type { KubernetesObject } from './kubernetes-api.ts'
import type { ChosenPort, SlicePort } from './kubernetes-ports.ts'
import type { InstanceStatus, ServiceInstance } from './discovery-client.ts'

/** discovery.k8s.io/v1 EndpointSlice, the fields that count here. */
export interface EndpointSlice extends KubernetesObject {
  readonly addressType?: string
  readonly endpoints?: readonly Endpoint[] | null
  readonly ports?: readonly SlicePort[] | null
}

export interface Endpoint {
  readonly addresses?: readonly string[] | null
  readonly conditions?: {
    readonly ready?: boolean | null, readonly serving?: boolean | null, readonly terminating?: boolean | null
  } | null
  readonly hostname?: string
  readonly nodeName?: string
  readonly zone?: string
  readonly targetRef?: { readonly kind?: string, readonly name?: string } | null
  readonly hints?: {
    readonly forZones?: ReadonlyArray<{ readonly name: string }>
    readonly forNodes?: ReadonlyArray<{ readonly name: string }>
  } | null
}

type TellPort = (serviceId: string, ports: readonly SlicePort[], chosen: number | undefined) => void

export interface SliceView {
  /** Services of this namespace are named `users`, those of others `users.other`. */
  readonly namespace: string
  /** Name of the Service port to call, of every Service, and of single ones by their name here. */
  readonly portName?: string | undefined
  readonly portNames?: ReadonlyMap<string, string>
  /** Told when a Service has several ports that could be meant, or none that may be called. */
  readonly onUnclearPort?: TellPort | undefined
  /** Where we run, for topology hints; empty or absent: hints are not looked at. */
  readonly zone?: string | undefined
  readonly node?: string | undefined
}

/** The label by which the slices of a Service are found. */
export const SERVICE_LABEL = 'kubernetes.io/service-name'

/** Spring Cloud Kubernetes' label of a Service with several ports; slices carry the Service's labels. */
const PRIMARY_PORT_LABEL = 'primary-port-name'

/** The name callers use in `lb://name`; undefined for a slice that belongs to no Service. */
export function serviceOf (slice: KubernetesObject, ownNamespace: string): string | undefined {
  const name = slice.metadata.labels?.[SERVICE_LABEL]?.toLowerCase()
  if (name === undefined || name === '') return undefined
  const { namespace = ownNamespace } = slice.metadata
  return namespace === ownNamespace ? name : `${name}.${namespace}`
}

/** All instances of one service from all of its slices. */
export function instancesOf (serviceId: string, slices: readonly EndpointSlice[], view: SliceView): ServiceInstance[] {
  const found = new Map<string, { instance: ServiceInstance, endpoint: Endpoint }>()
  for (const slice of ofOneFamily(slices)) {
    const port = portOf(serviceId, slice, view)
    if (port === undefined) continue
    for (const endpoint of slice.endpoints ?? []) {
      // Only the first address counts: the API calls the rest fungible and no controller writes them.
      if (endpoint.addresses?.[0] === undefined) continue
      const instance = toInstance(serviceId, slice, endpoint, port)
      // A pod moving from one slice to another is in both for a moment; the usable word wins.
      if (found.get(instance.instanceId)?.instance.status !== 'UP') found.set(instance.instanceId, { instance, endpoint })
    }
  }
  return allocated([...found.values()], view).map((entry) => entry.instance)
}

/** A dual-stack Service has each pod once per family; the first family that has addresses is taken. */
function ofOneFamily (slices: readonly EndpointSlice[]): readonly EndpointSlice[] {
  for (const family of ['IPv4', 'IPv6', 'FQDN']) {
    const some = slices.filter((slice) => slice.addressType === family)
    if (some.some((slice) => (slice.endpoints ?? []).length > 0)) return some
  }
  return []
}

function portOf (serviceId: string, slice: EndpointSlice, view: SliceView): ChosenPort | undefined {
  const ports = slice.ports ?? []
  const chosen = choosePort(ports, {
    ofService: view.portNames?.get(serviceId),
    ofLabel: slice.metadata.labels?.[PRIMARY_PORT_LABEL],
    ofAll: view.portName
  })
  if (chosen === undefined || chosen.guessed) view.onUnclearPort?.(serviceId, ports, chosen?.port)
  return chosen
}

function toInstance (serviceId: string, slice: EndpointSlice, endpoint: Endpoint, port: ChosenPort): ServiceInstance {
  const host = endpoint.addresses?.[0] ?? ''
  const pod = endpoint.targetRef?.kind === 'Pod' ? endpoint.targetRef.name : undefined
  return {
    instanceId: `${pod ?? host}:${port.port}`,
    serviceId,
    host,
    port: port.port,
    secure: port.secure,
    status: statusOf(endpoint),
    zone: endpoint.zone,
    metadata: metadataOf(slice, endpoint, pod, port)
  }
}

function statusOf (endpoint: Endpoint): InstanceStatus {
  const { ready, terminating } = endpoint.conditions ?? {}
  if (ready ?? true) return 'UP'
  return terminating === true ? 'OUT_OF_SERVICE' : 'DOWN'
}

/** The slice controller copies a Service's labels to its slices, so they reach callers without reading Services. */
function metadataOf (
  slice: EndpointSlice, endpoint: Endpoint, pod: string | undefined, port: ChosenPort
): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(slice.metadata.labels ?? {})) {
    if (!/(^|\.)(kubernetes|k8s)\.io\//.test(name)) metadata[name] = value
  }
  if (slice.metadata.namespace !== undefined) metadata['kubernetes.namespace'] = slice.metadata.namespace
  if (endpoint.nodeName !== undefined) metadata['kubernetes.node'] = endpoint.nodeName
  if (pod !== undefined) metadata['kubernetes.pod'] = pod
  if (port.http2 !== undefined) metadata['http2'] = String(port.http2)
  return metadata
}

interface Entry { readonly instance: ServiceInstance, readonly endpoint: Endpoint }

/** Which of them this caller should use; those that nobody may use stay in the list with their status. */
function allocated (entries: readonly Entry[], view: SliceView): readonly Entry[] {
  const ready = entries.filter((entry) => entry.instance.status === 'UP')
  if (ready.length === 0) return entries.map(lastResort)
  const near = hinted(ready, (endpoint) => endpoint.hints?.forNodes, view.node) ??
    hinted(ready, (endpoint) => endpoint.hints?.forZones, view.zone)
  if (near === undefined) return entries
  return [...near, ...entries.filter((entry) => entry.instance.status !== 'UP')]
}

function lastResort (entry: Entry): Entry {
  const { serving, terminating } = entry.endpoint.conditions ?? {}
  if (serving !== true || terminating !== true) return entry
  return { ...entry, instance: { ...entry.instance, status: 'UP' } }
}

type Hints = (endpoint: Endpoint) => ReadonlyArray<{ readonly name: string }> | undefined

function hinted (ready: readonly Entry[], hints: Hints, own: string | undefined): readonly Entry[] | undefined {
  if (own === undefined || own === '') return undefined
  if (!ready.every((entry) => (hints(entry.endpoint) ?? []).length > 0)) return undefined
  const near = ready.filter((entry) => hints(entry.endpoint)?.some((hint) => hint.name === own))
  return near.length > 0 ? near : undefined
}
