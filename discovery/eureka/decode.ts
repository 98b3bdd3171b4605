import {
  isStatus, type DataCenter, type Instance, type LeaseInfo, type Metadata, type Port, type Status
} from '../registry/instance.ts'
import { smallMap } from '../registry/small-map.ts'
import { badRequest, type Answer } from './answers.ts'
import { isTree, UNPARSABLE, type Tree } from './body.ts'

/**
 * Instances as clients really send them: numbers as strings, strings as numbers, booleans as either, fields missing,
 * null or misspelled. What cannot be understood at all is refused in the words and the order of Eureka's own checks.
 */

const MAX_METADATA = 1024
const MAX_METADATA_CHARS = 256 * 1024
const DATA_CENTERS: ReadonlySet<string> = new Set(['MyOwn', 'Amazon', 'Netflix'])
const ABSENT_SID: ReadonlySet<string> = new Set(['na', 'unknown'])
/** Later than this is no time in milliseconds that survives a double. */
const MAX_TIME = Number.MAX_SAFE_INTEGER

/** The instance in a registration's body, checked against the application named by the path. */
export function decodeRegistration (body: Tree, app: string): Instance | Answer {
  return isTree(body.instance) ? decodeInstance(body.instance, app) : badRequest(UNPARSABLE)
}

/** One instance without its wrapper. `app` is the upper-cased name that it must be of, if that is known. */
export function decodeInstance (raw: Tree, app?: string): Instance | Answer {
  const metadata = decodeMetadata(raw.metadata)
  const port = decodePort(raw.port, { number: 7001, enabled: true })
  const securePort = decodePort(raw.securePort, { number: 7002, enabled: false })
  if (metadata === undefined || port === undefined || securePort === undefined) return badRequest(UNPARSABLE)
  const fault = findFault(raw, metadata, app)
  if (fault !== undefined) return badRequest(fault)
  const dataCenter = decodeDataCenter(raw.dataCenterInfo)
  return dataCenter === undefined ? badRequest(UNPARSABLE) : build(raw, { metadata, port, securePort, dataCenter })
}

/** Metadata from a query or a body, within bounds; undefined when it is too much or not a flat map. */
export function checkMetadata (metadata: Metadata): Metadata | undefined {
  if (metadata.size > MAX_METADATA) return undefined
  let chars = 0
  for (const [key, value] of metadata) {
    if (!isSpeakable(key)) return undefined
    chars += key.length + value.length
  }
  return chars > MAX_METADATA_CHARS ? undefined : metadata
}

/** A time or a count that may come as a number, as digits, or not at all; undefined for anything else. */
export function decodeTime (value: unknown): number | undefined {
  const text = scalar(value)
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined
  return Math.min(Number(text), MAX_TIME)
}

/** A status; unknown and misspelled words mean UNKNOWN. */
export function decodeStatus (value: unknown): Status {
  return isStatus(value) ? value : 'UNKNOWN'
}

/** Fields that later stand in a path, a log or a terminal. */
const SHOWN = [
  'instanceId', 'app', 'hostName', 'ipAddr', 'sid', 'appGroupName', 'vipAddress', 'secureVipAddress', 'homePageUrl',
  'statusPageUrl', 'healthCheckUrl', 'secureHealthCheckUrl', 'asgName'
] as const
/** As much of a path's part as our routes take, when it is written in ASCII. */
const MAX_ID = 4096
const MAX_APP = 1024
/** Those that turn the direction of writing make one id look like another in a log. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u

/** What nobody could name again: no URL carries it, or it is another one on its way. */
function findUnspeakable (raw: Tree, id: string): string | undefined {
  const odd = SHOWN.find(name => !isSpeakable(scalar(raw[name]) ?? ''))
  if (odd !== undefined || !isSpeakable(id)) return `Control characters in ${odd ?? 'instanceId'}`
  if (encodeURIComponent(id).length > MAX_ID) return `instanceId is longer than ${MAX_ID} characters of a URL`
  return encodeURIComponent(word(raw.app)!).length > MAX_APP ? `appName is longer than ${MAX_APP} characters of a URL` : undefined
}

function isSpeakable (text: string): boolean {
  return text.isWellFormed() && !CONTROL.test(text)
}

interface Parts {
  readonly metadata: Metadata
  readonly port: Port
  readonly securePort: Port
  readonly dataCenter: DataCenter
}

function build (raw: Tree, { metadata, port, securePort, dataCenter }: Parts): Instance {
  const hostName = word(raw.hostName)!
  const ipAddr = word(raw.ipAddr)!
  return {
    id: idOf(raw, metadata)!,
    instanceId: instanceIdOf(raw, metadata),
    hostName,
    app: word(raw.app)!.toUpperCase(),
    // The same text twice is kept once.
    ipAddr: ipAddr === hostName ? hostName : ipAddr,
    sid: sidOf(raw.sid),
    status: raw.status === undefined || raw.status === null ? 'UP' : decodeStatus(raw.status),
    overriddenStatus: decodeStatus(raw.overriddenStatus ?? raw.overriddenstatus),
    port,
    securePort,
    countryId: decodeTime(raw.countryId) ?? 1,
    dataCenter,
    lease: decodeLease(raw.leaseInfo),
    metadata,
    appGroupName: word(raw.appGroupName)?.toUpperCase(),
    homePageUrl: word(raw.homePageUrl),
    statusPageUrl: word(raw.statusPageUrl),
    healthCheckUrl: word(raw.healthCheckUrl),
    secureHealthCheckUrl: word(raw.secureHealthCheckUrl),
    vipAddress: word(raw.vipAddress),
    secureVipAddress: word(raw.secureVipAddress),
    coordinator: isTrue(raw.isCoordinatingDiscoveryServer),
    lastUpdatedAt: decodeTime(raw.lastUpdatedTimestamp) ?? 0,
    lastDirtyAt: decodeTime(raw.lastDirtyTimestamp) ?? 0,
    action: 'ADDED',
    asgName: word(raw.asgName)
  }
}

/** `ApplicationResource.addInstance`: the same texts in the same order, and then ours. */
function findFault (raw: Tree, metadata: Metadata, app: string | undefined): string | undefined {
  const name = word(raw.app)?.toUpperCase()
  if (idOf(raw, metadata) === undefined) return 'Missing instanceId'
  if (word(raw.hostName) === undefined) return 'Missing hostname'
  if (word(raw.ipAddr) === undefined) return 'Missing ip address'
  if (name === undefined) return 'Missing appName'
  if (app !== undefined && name !== app) return `Mismatched appName, expecting ${app} but was ${name}`
  if (!isTree(raw.dataCenterInfo)) return 'Missing dataCenterInfo'
  if (word(raw.dataCenterInfo.name) === undefined) return 'Missing dataCenterInfo Name'
  return findUnspeakable(raw, idOf(raw, metadata)!)
}

function idOf (raw: Tree, metadata: Metadata): string | undefined {
  return instanceIdOf(raw, metadata) ?? amazonId(raw.dataCenterInfo) ?? word(raw.hostName)
}

/** Spring's codec makes an id of the metadata entry `instanceId` when the field itself is missing. */
function instanceIdOf (raw: Tree, metadata: Metadata): string | undefined {
  const own = word(raw.instanceId)
  const suffix = metadata.get('instanceId')
  return own ?? (suffix === undefined ? undefined : `${word(raw.hostName) ?? ''}:${suffix}`)
}

function amazonId (dataCenter: unknown): string | undefined {
  if (!isTree(dataCenter) || dataCenter.name !== 'Amazon' || !isTree(dataCenter.metadata)) return undefined
  return Object.hasOwn(dataCenter.metadata, 'instance-id') ? word(dataCenter.metadata['instance-id']) : undefined
}

/** One for all instances that say no more. */
const PLAIN_CENTERS = {
  MyOwn: { name: 'MyOwn', metadata: undefined }, Netflix: { name: 'Netflix', metadata: undefined }
} as const

/** The class is ignored: clients send several, and the name says the same. An unknown name is refused. */
function decodeDataCenter (raw: unknown): DataCenter | undefined {
  if (!isTree(raw) || typeof raw.name !== 'string' || !DATA_CENTERS.has(raw.name)) return undefined
  const name = raw.name as DataCenter['name']
  if (name !== 'Amazon') return PLAIN_CENTERS[name]
  const metadata = decodeMetadata(raw.metadata)
  return metadata === undefined ? undefined : { name, metadata }
}

function decodePort (raw: unknown, fallback: Port): Port | undefined {
  if (raw === undefined || raw === null) return fallback
  if (!isTree(raw)) return undefined
  const number = decodeTime(raw.$) ?? 0
  const enabled = raw['@enabled'] === undefined ? fallback.enabled : isTrue(raw['@enabled'])
  return portOf(number > 65535 ? 0 : number, enabled)
}

const MAX_PORTS = 1000
const ports = new Map<number, Port>()

/** One for all instances that listen on it: whole fleets have the same two. */
function portOf (number: number, enabled: boolean): Port {
  const key = enabled ? number : -number - 1
  const known = ports.get(key)
  if (known !== undefined) return known
  const port = { number, enabled }
  if (ports.size < MAX_PORTS) ports.set(key, port)
  return port
}

/** Nothing and nonsense mean Eureka's defaults of 30 and 90 seconds; a day is the longest lease. */
function decodeLease (raw: unknown): LeaseInfo {
  const given = isTree(raw) ? raw : {}
  const seconds = (value: unknown, fallback: number): number => Math.min(decodeTime(value) || fallback, 86_400)
  return {
    renewalIntervalSecs: seconds(given.renewalIntervalInSecs, 30),
    durationSecs: seconds(given.durationInSecs, 90),
    registeredAt: 0,
    renewedAt: 0,
    evictedAt: 0,
    serviceUpAt: 0
  }
}

/** Values become strings as Eureka makes them; a nested one is refused, because no client could read it back. */
function decodeMetadata (raw: unknown): Metadata | undefined {
  const metadata = new Map<string, string>()
  if (raw === undefined || raw === null || raw === '') return smallMap(metadata)
  if (!isTree(raw)) return undefined
  for (const [key, value] of Object.entries(raw)) {
    const text = value === null ? 'null' : scalar(value)
    if (text === undefined) return undefined
    if (key !== '@class') metadata.set(key, text)
  }
  return checkMetadata(metadata) && smallMap(metadata)
}

function sidOf (value: unknown): string | undefined {
  const sid = word(value)
  return sid === undefined || ABSENT_SID.has(sid) ? undefined : sid
}

function isTrue (value: unknown): boolean {
  return value === true || value === 'true'
}

/** A text that is there: not null, not blank. */
function word (value: unknown): string | undefined {
  const text = scalar(value)
  return text === undefined || text.trim() === '' ? undefined : text
}

function scalar (value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}
