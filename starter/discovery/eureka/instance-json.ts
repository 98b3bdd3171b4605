/** An instance as Eureka writes it, read leniently: the reply may come from Spring, an old Netflix server, or ours. */
import type { InstanceStatus, ServiceInstance } from '../discovery-client.ts'

const STATUSES: ReadonlySet<string> = new Set(['UP', 'DOWN', 'STARTING', 'OUT_OF_SERVICE', 'UNKNOWN'])

interface WireInstance {
  instanceId?: unknown
  hostName?: unknown
  ipAddr?: unknown
  app?: unknown
  status?: unknown
  port?: unknown
  securePort?: unknown
  metadata?: unknown
  dataCenterInfo?: unknown
  vipAddress?: unknown
  secureVipAddress?: unknown
}

/** Undefined for what no caller could use: no application, no host, no port. */
export function readInstance (raw: unknown, preferIp: boolean): ServiceInstance | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined
  const wire = raw as WireInstance
  const app = text(wire.app)
  const host = preferIp ? text(wire.ipAddr) ?? text(wire.hostName) : text(wire.hostName) ?? text(wire.ipAddr)
  const plain = readPort(wire.port)
  const tls = readPort(wire.securePort)
  const secure = !plain.enabled && tls.enabled
  const port = secure ? tls.number : plain.number
  if (app === undefined || host === undefined || port === undefined) return undefined
  const metadata = readMetadata(wire.metadata)
  const names = [...addresses(wire.vipAddress), ...(secure ? addresses(wire.secureVipAddress) : [])]
  return {
    instanceId: instanceIdOf(wire) ?? host,
    serviceId: app.toLowerCase(),
    ...(names.length === 0 ? {} : { names }),
    host,
    port,
    secure,
    status: readStatus(wire.status),
    zone: metadata['zone'] ?? amazonZone(wire.dataCenterInfo),
    metadata
  }
}

/** `instanceId`, else Amazon's id, else the host name (InstanceInfo.getId). */
export function instanceIdOf (raw: unknown): string | undefined {
  const wire = raw as WireInstance
  return text(wire.instanceId) ?? text(amazonMetadata(wire.dataCenterInfo)?.['instance-id']) ?? text(wire.hostName)
}

/** Every instance of a reply of GET apps or apps/delta; objects where arrays belong are accepted (old servers). */
export function * instancesOf (reply: unknown): Generator<unknown> {
  const applications = (reply as { applications?: { application?: unknown } } | null)?.applications
  for (const application of asList(applications?.application)) {
    yield * asList((application as { instance?: unknown } | null)?.instance)
  }
}

/** `UP_3_DOWN_1_` over instances as Eureka computes it: statuses sorted, each with its count. */
export function hashOf (statuses: Iterable<string>): string {
  const counts = new Map<string, number>()
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1)
  return [...counts].sort(([a], [b]) => a < b ? -1 : 1).map(([status, count]) => `${status}_${count}_`).join('')
}

/** Of a comma list, in lower case: Netflix's client keeps them in upper case, and no caller's spelling matters. */
function addresses (list: unknown): string[] {
  return (text(list) ?? '').split(',').map(name => name.trim().toLowerCase()).filter(name => name !== '')
}

function readStatus (status: unknown): InstanceStatus {
  return typeof status === 'string' && STATUSES.has(status) ? status as InstanceStatus : 'UNKNOWN'
}

function readPort (port: unknown): { number: number | undefined, enabled: boolean } {
  if (typeof port !== 'object' || port === null) return { number: undefined, enabled: false }
  const { $: value, '@enabled': enabled } = port as { $?: unknown, '@enabled'?: unknown }
  const number = Number(value)
  const valid = Number.isInteger(number) && number > 0 && number < 65536
  return { number: valid ? number : undefined, enabled: enabled === true || enabled === 'true' }
}

function readMetadata (raw: unknown): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null) as Record<string, string>
  if (typeof raw !== 'object' || raw === null) return metadata
  for (const [key, value] of Object.entries(raw)) {
    if (key !== '@class' && (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')) {
      metadata[key] = String(value)
    }
  }
  return metadata
}

function amazonMetadata (info: unknown): Record<string, unknown> | undefined {
  const metadata = (info as { metadata?: unknown } | null | undefined)?.metadata
  return typeof metadata === 'object' && metadata !== null ? metadata as Record<string, unknown> : undefined
}

function amazonZone (info: unknown): string | undefined {
  return text(amazonMetadata(info)?.['availability-zone'])
}

function text (value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function asList (value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  return value === undefined || value === null ? [] : [value]
}
