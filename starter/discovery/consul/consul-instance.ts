/** A service entry of Consul's health endpoint as an instance. */
import type { InstanceStatus, ServiceInstance } from '../discovery-client.ts'

interface Entry {
  readonly Node?: { readonly Address?: unknown }
  readonly Service?: {
    readonly ID?: unknown
    readonly Address?: unknown
    readonly Port?: unknown
    readonly Meta?: unknown
    readonly Tags?: unknown
  }
  readonly Checks?: unknown
}

interface Check {
  readonly CheckID?: unknown
  readonly Status?: unknown
}

/** Undefined for an entry without id, address or port. */
export function readEntry (serviceId: string, raw: unknown): ServiceInstance | undefined {
  const { Node, Service, Checks } = raw as Entry
  const host = text(Service?.Address) ?? text(Node?.Address)
  const port = Service?.Port
  const instanceId = text(Service?.ID)
  if (instanceId === undefined || host === undefined || typeof port !== 'number' || port < 1 || port > 65535) return undefined
  const metadata = { ...tagsOf(Service?.Tags), ...metaOf(Service?.Meta) }
  return {
    instanceId,
    serviceId,
    host,
    port,
    secure: metadata['secure'] === 'true',
    status: statusOf(Array.isArray(Checks) ? Checks as Check[] : []),
    zone: metadata['zone'],
    metadata
  }
}

/** The worst check decides; a warning still serves, maintenance is a wish of the operator and not a failure. */
function statusOf (checks: readonly Check[]): InstanceStatus {
  const critical = checks.filter(({ Status }) => Status === 'critical')
  if (critical.length === 0) return 'UP'
  const maintenance = critical.some(({ CheckID }) => CheckID === '_node_maintenance' || String(CheckID).startsWith('_service_maintenance'))
  return maintenance ? 'OUT_OF_SERVICE' : 'DOWN'
}

function metaOf (meta: unknown): Record<string, string> {
  const entries = Object.entries(typeof meta === 'object' && meta !== null ? meta : {})
  return Object.fromEntries(entries.filter((pair): pair is [string, string] => typeof pair[1] === 'string'))
}

/** `zone=a` as Spring Cloud Consul wrote metadata before Consul had any; a bare tag is its own value. */
function tagsOf (tags: unknown): Record<string, string> {
  const words = (Array.isArray(tags) ? tags : []).filter((tag): tag is string => typeof tag === 'string')
  return Object.fromEntries(words.map(tag => {
    const equals = tag.indexOf('=')
    return equals === -1 ? [tag, tag] : [tag.slice(0, equals), tag.slice(equals + 1)]
  }))
}

function text (value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
