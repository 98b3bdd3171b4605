import { isTree, type Tree } from '../../eureka/body.ts'
import { decodeInstance } from '../../eureka/decode.ts'
import { instanceJson, MY_DATA_CENTER } from '../../eureka/json.ts'
import type { Instance, Metadata, Status } from '../../registry/instance.ts'

/**
 * Eureka's instances as Consul's services and the other way round. Consul-native services become instances; Eureka's
 * become services that Consul-native clients understand, with the whole instance kept in their meta data, in pieces,
 * because Consul limits an entry to 512 characters and a service to 64 entries.
 */

/** A service as Consul's agent is told. */
export interface ConsulService {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly port: number
  readonly meta: Record<string, string>
}

const PIECE = 'breakwater-instance-'
const MAX_PIECES = 40
const MAX_VALUE = 512
const MAX_PLAIN = 20
const META_KEY = /^[A-Za-z0-9_-]{1,128}$/
const NOTE = 'eureka '

/** The id of an instance's service; ids of two applications must not meet in one agent. */
export function serviceId ({ app, id }: { readonly app: string, readonly id: string }): string {
  return `eureka:${app}:${id}`
}

/** The check that a single TTL check of a service gets. */
export function checkId (instance: { readonly app: string, readonly id: string }): string {
  return `service:${serviceId(instance)}`
}

export function toService (instance: Instance): ConsulService {
  const port = instance.port.enabled ? instance.port : instance.securePort
  return {
    id: serviceId(instance),
    name: instance.app.toLowerCase(),
    address: instance.ipAddr,
    port: port.number,
    meta: { ...plainMeta(instance.metadata), ...pieces(instance) }
  }
}

/** What a check of ours says of an instance that lives but is not to be called; Consul knows no such status. */
export function noteOf (status: Status): string {
  return `${NOTE}${status}`
}

/** The instances among the entries of `health/service/NAME`. */
export function fromEntries (entries: unknown): Instance[] {
  const found = new Map<string, Instance>()
  for (const entry of Array.isArray(entries) ? entries : []) {
    const instance = isTree(entry) ? fromEntry(entry) : undefined
    if (instance !== undefined && better(instance, found.get(instance.id))) found.set(instance.id, instance)
  }
  return [...found.values()]
}

/** One that moved to another agent is in the catalog twice for a while. */
function better (instance: Instance, known: Instance | undefined): boolean {
  return known === undefined || (known.status !== 'UP' && instance.status === 'UP') || instance.lastDirtyAt > known.lastDirtyAt
}

function fromEntry (entry: Tree): Instance | undefined {
  const { Service: service, Node: node, Checks: checks } = entry
  if (!isTree(service)) return undefined
  const meta = isTree(service.Meta) ? service.Meta : {}
  const list = Array.isArray(checks) ? checks.filter(isTree) : []
  const kept = joined(meta)
  if (kept !== undefined) {
    // Of ours, a check that is critical is a lease that ran out.
    return list.some(check => check.Status === 'critical') ? undefined : kept
  }
  return native(service, isTree(node) ? node : {}, meta, statusOf(list))
}

function statusOf (checks: readonly Tree[]): Status {
  if (checks.some(check => check.CheckID === '_node_maintenance' || textOf(check.CheckID).startsWith('_service_maintenance'))) {
    return 'OUT_OF_SERVICE'
  }
  return checks.some(check => check.Status === 'critical') ? 'DOWN' : 'UP'
}

/** A service that knows nothing of Eureka, as the instance that it would have registered. */
function native (service: Tree, node: Tree, meta: Tree, status: Status): Instance | undefined {
  const name = textOf(service.Service)
  const address = textOf(service.Address) || textOf(node.Address)
  const decoded = decodeInstance({
    instanceId: `${textOf(node.Node)}:${textOf(service.ID) || name}`,
    hostName: address,
    ipAddr: address,
    app: name,
    status,
    port: { $: service.Port, '@enabled': true },
    vipAddress: name.toLowerCase(),
    secureVipAddress: name.toLowerCase(),
    dataCenterInfo: { '@class': MY_DATA_CENTER, name: 'MyOwn' },
    metadata: { ...meta, ...(Array.isArray(service.Tags) && service.Tags.length > 0 ? { tags: service.Tags.join(',') } : {}) },
    // Its own clock: the same registration is the same instance.
    lastDirtyTimestamp: service.CreateIndex ?? 1
  })
  return 'hostName' in decoded ? decoded : undefined
}

function textOf (value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function joined (meta: Tree): Instance | undefined {
  let json = ''
  for (let i = 0; i < MAX_PIECES && textOf(meta[`${PIECE}${i}`]) !== ''; i++) json += textOf(meta[`${PIECE}${i}`])
  if (json === '') return undefined
  try {
    const decoded = decodeInstance(JSON.parse(Buffer.from(json, 'base64').toString()) as Tree)
    return 'hostName' in decoded ? decoded : undefined
  } catch {
    return undefined
  }
}

/** In base64: Consul counts bytes where we would count characters. */
function pieces (instance: Instance): Record<string, string> {
  const text = Buffer.from(instanceJson(instance)).toString('base64')
  const made: Record<string, string> = {}
  const count = Math.ceil(text.length / MAX_VALUE)
  // Too large to be kept whole, it is still a service that can be found.
  if (count > MAX_PIECES) return made
  for (let i = 0; i < count; i++) made[`${PIECE}${i}`] = text.slice(i * MAX_VALUE, (i + 1) * MAX_VALUE)
  return made
}

/** What Consul can hold of the metadata, for Consul-native readers. */
function plainMeta (metadata: Metadata): Record<string, string> {
  const fitting = [...metadata].filter(([key, value]) =>
    META_KEY.test(key) && key !== '__proto__' && !key.startsWith('consul-') && !key.startsWith(PIECE) && Buffer.byteLength(value) <= MAX_VALUE)
  return Object.fromEntries(fitting.slice(0, MAX_PLAIN))
}
