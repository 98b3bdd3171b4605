/** What the registry knows of one running copy of a service. Instances are never changed: a change makes a new one. */

export const STATUSES = ['UP', 'DOWN', 'STARTING', 'OUT_OF_SERVICE', 'UNKNOWN'] as const
export type Status = typeof STATUSES[number]

/** What happened to an instance last; Eureka's clients apply deltas by it. */
export type Action = 'ADDED' | 'MODIFIED' | 'DELETED'

/** A port and whether it is to be used. */
export interface Port {
  readonly number: number
  readonly enabled: boolean
}

/** A Map because `__proto__` is a legal key of metadata. */
export type Metadata = ReadonlyMap<string, string>

/** Where the instance runs, in Eureka's words. */
export interface DataCenter {
  readonly name: 'MyOwn' | 'Amazon' | 'Netflix'
  /** Amazon's facts about the machine; undefined elsewhere. */
  readonly metadata: Metadata | undefined
}

/** Times are milliseconds since 1970, 0 when it never happened. */
export interface LeaseInfo {
  readonly renewalIntervalSecs: number
  readonly durationSecs: number
  readonly registeredAt: number
  readonly renewedAt: number
  readonly evictedAt: number
  readonly serviceUpAt: number
}

/** One instance. Its key within its application is `id`; `instanceId` is absent when the client never sent one. */
export interface Instance {
  readonly id: string
  readonly instanceId: string | undefined
  readonly hostName: string
  /** Upper-cased, as the registry files it. */
  readonly app: string
  readonly ipAddr: string
  readonly sid: string | undefined
  readonly status: Status
  readonly overriddenStatus: Status
  readonly port: Port
  readonly securePort: Port
  readonly countryId: number
  readonly dataCenter: DataCenter
  readonly lease: LeaseInfo
  readonly metadata: Metadata
  readonly appGroupName: string | undefined
  readonly homePageUrl: string | undefined
  readonly statusPageUrl: string | undefined
  readonly healthCheckUrl: string | undefined
  readonly secureHealthCheckUrl: string | undefined
  readonly vipAddress: string | undefined
  readonly secureVipAddress: string | undefined
  readonly coordinator: boolean
  readonly lastUpdatedAt: number
  /** The client's own clock: which of two copies is newer. 0 when it sent none (the book then takes the time). */
  readonly lastDirtyAt: number
  readonly action: Action
  readonly asgName: string | undefined
}

const known: ReadonlySet<string> = new Set(STATUSES)

/** Whether a word is one of the five statuses, exactly as spelled. */
export function isStatus (word: unknown): word is Status {
  return typeof word === 'string' && known.has(word)
}

/** One key for an application and an id; the length in front keeps `a`+`bc` and `ab`+`c` apart. */
export function instanceKey (app: string, id: string): string {
  return `${app.length}:${app}${id}`
}

/** The application and the id of such a key; undefined for a text that is none. */
export function keyParts (key: string): readonly [app: string, id: string] | undefined {
  const colon = key.indexOf(':')
  const end = colon + 1 + Number(key.slice(0, colon))
  return colon > 0 && end <= key.length ? [key.slice(colon + 1, end), key.slice(end)] : undefined
}

/** The zone that a client names, else the one of its machine at Amazon; empty when neither is known. */
export function zoneOf ({ metadata, dataCenter }: Instance): string {
  return metadata.get('zone') ?? dataCenter.metadata?.get('availability-zone') ?? ''
}
