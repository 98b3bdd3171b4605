import { isTree, type Tree } from '../eureka/body.ts'
import { decodeInstance, decodeStatus, decodeTime } from '../eureka/decode.ts'
import { instanceJson } from '../eureka/json.ts'
import type { Instance, Status } from '../registry/instance.ts'
import type { InstanceState } from '../registry/state.ts'
import type { Replication, ReplicationAction } from './replication.ts'
import { readState, stateJson } from '../eureka/state-json.ts'

/**
 * Eureka's batch: what a registry posts to `peerreplication/batch/` of another. Bare instances, numbers as numbers.
 * Registries of ours say besides, in the field `breakwater`, and to each other only: the whole state, or of
 * a heartbeat that it is one of ours.
 */

/** One item of a batch as it was received. */
export interface BatchItem {
  readonly action: ReplicationAction
  readonly app: string
  readonly id: string
  readonly lastDirtyAt: number | undefined
  readonly status: Status | undefined
  readonly overriddenStatus: Status | undefined
  /** undefined when none was sent, `invalid` when it could not be understood. */
  readonly instance: Instance | 'invalid' | undefined
  /** From a registry of ours: all that it knows; `same` when it has nothing new, undefined from any other server. */
  readonly state: InstanceState | 'same' | 'invalid' | undefined
}

/** How one item of a batch ended at the peer; `instance` is the peer's own copy when that is newer. */
export interface ItemResult {
  readonly status: number
  readonly instance?: Instance | undefined
}

const ACTIONS: ReadonlySet<string> = new Set<ReplicationAction>(
  ['Register', 'Heartbeat', 'Cancel', 'StatusUpdate', 'DeleteStatusOverride'])
const text = JSON.stringify as (value: string) => string

/** The body of a batch. Spring's server refuses all of it over a field that it does not know. */
export function encodeBatch (replications: readonly Replication[], isOurs: boolean): string {
  return `{"replicationList":[${replications.map(item => encodeItem(item, isOurs)).join(',')}]}`
}

/**
 * The items of a received batch; undefined when it is none, and in the place of an item that makes no sense: the others
 * count. The original refuses a whole batch for one action that it does not know, which a rolling upgrade would meet.
 */
export function decodeBatch (body: Tree): Array<BatchItem | undefined> | undefined {
  return Array.isArray(body.replicationList) ? body.replicationList.map(decodeItem) : undefined
}

export function encodeResults (results: readonly ItemResult[]): string {
  const list = results.map(({ status, instance }) =>
    `{"statusCode":${status}${instance === undefined ? '' : `,"responseEntity":${instanceJson(instance)}`}}`)
  return `{"responseList":[${list.join(',')}]}`
}

/** What a peer answered, one result per item; undefined when it is no answer to a batch of `count`. */
export function decodeResults (body: string, count: number): ItemResult[] | undefined {
  try {
    const tree: unknown = JSON.parse(body)
    if (!isTree(tree) || !Array.isArray(tree.responseList) || tree.responseList.length !== count) return undefined
    return tree.responseList.map(decodeResult)
  } catch {
    return undefined
  }
}

function encodeItem ({ action, app, id, instance, state }: Replication, isOurs: boolean): string {
  let json = `{"appName":${text(app)},"id":${text(id)}`
  if (action !== 'Cancel') {
    json += `,"lastDirtyTimestamp":${instance.lastDirtyAt}`
    if (action === 'Heartbeat' && instance.overriddenStatus !== 'UNKNOWN') json += `,"overriddenStatus":"${instance.overriddenStatus}"`
    json += `,"status":"${instance.status}"`
    if (action === 'Register') json += `,"instanceInfo":${instanceJson(instance)}`
  }
  if (isOurs) json += `,"breakwater":${state === undefined ? '{}' : stateJson(state)}`
  return `${json},"action":"${action}"}`
}

function decodeItem (raw: unknown): BatchItem | undefined {
  if (!isTree(raw) || typeof raw.action !== 'string' || !ACTIONS.has(raw.action)) return undefined
  if (typeof raw.appName !== 'string' || typeof raw.id !== 'string') return undefined
  const app = raw.appName.toUpperCase()
  return {
    action: raw.action as ReplicationAction,
    app,
    id: raw.id,
    lastDirtyAt: decodeTime(raw.lastDirtyTimestamp),
    status: raw.status === undefined ? undefined : decodeStatus(raw.status),
    overriddenStatus: raw.overriddenStatus === undefined ? undefined : decodeStatus(raw.overriddenStatus),
    instance: decodeInfo(raw.instanceInfo, app),
    state: decodeOwn(raw.breakwater)
  }
}

function decodeOwn (raw: unknown): BatchItem['state'] {
  if (!isTree(raw)) return undefined
  return Object.keys(raw).length === 0 ? 'same' : readState(raw) ?? 'invalid'
}

function decodeInfo (raw: unknown, app: string): BatchItem['instance'] {
  if (!isTree(raw)) return undefined
  const instance = decodeInstance(raw, app)
  return 'hostName' in instance ? instance : 'invalid'
}

function decodeResult (raw: unknown): ItemResult {
  if (!isTree(raw)) return { status: 500 }
  const instance = isTree(raw.responseEntity) ? decodeInstance(raw.responseEntity) : undefined
  return {
    status: decodeTime(raw.statusCode) ?? 500,
    instance: instance !== undefined && 'hostName' in instance ? instance : undefined
  }
}
