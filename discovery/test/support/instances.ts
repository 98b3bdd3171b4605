/** Instances as tests need them: raw as a client sends them, and decoded as the book takes them. */
import { decodeInstance } from '../../eureka/decode.ts'
import type { Instance } from '../../registry/instance.ts'
import type { BookRules } from '../../registry/rules.ts'

export type Raw = Record<string, unknown>

export const MY_OWN = { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' }

/** What Netflix's own client sends, with some fields changed. */
export function rawInstance (changes: Raw = {}): Raw {
  return {
    instanceId: 'h1:orders:8080',
    hostName: 'h1',
    app: 'ORDERS',
    ipAddr: '10.0.0.1',
    status: 'UP',
    overriddenStatus: 'UNKNOWN',
    port: { $: 8080, '@enabled': 'true' },
    securePort: { $: 443, '@enabled': 'false' },
    countryId: 1,
    dataCenterInfo: MY_OWN,
    leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
    metadata: { zone: 'z1' },
    homePageUrl: 'http://h1:8080/',
    statusPageUrl: 'http://h1:8080/actuator/info',
    healthCheckUrl: 'http://h1:8080/actuator/health',
    vipAddress: 'orders',
    secureVipAddress: 'orders-tls',
    isCoordinatingDiscoveryServer: 'false',
    lastUpdatedTimestamp: '1700000000000',
    lastDirtyTimestamp: '1700000000000',
    ...changes
  }
}

/** The same, decoded. */
export function instance (changes: Raw = {}): Instance {
  const decoded = decodeInstance(rawInstance(changes))
  if (!('hostName' in decoded)) throw new Error(`no instance: ${JSON.stringify(decoded)}`)
  return decoded
}

/** A clock that stands still until it is moved. */
export class Clock {
  ms: number

  constructor (ms = 1_800_000_000_000) {
    this.ms = ms
  }

  readonly now = (): number => this.ms

  advance (ms: number): void {
    this.ms += ms
  }
}

/** The rules of a book on such a clock. */
export function rules (clock: Clock, changes: Partial<BookRules> = {}): BookRules {
  return {
    now: clock.now,
    origin: 'test',
    random: () => 0,
    preservation: { enabled: true, threshold: 0.85, floor: 10 },
    sweepMs: 1000,
    deltaMs: 180_000,
    keepRemovedMs: 600_000,
    maxRemoved: 1000,
    keepRemovalsMs: 86_400_000,
    maxInstances: 1000,
    syncWhenTimestampDiffers: true,
    leaseBugCompatible: false,
    ...changes
  }
}
