/** What this process tells the registry of itself: `eureka.instance.*` under Spring's names. */
import type { Settings } from '../../settings/index.ts'
import { ownAvailabilityZone } from '../../client/zone.ts'
import type { InstanceStatus, OwnAddress } from '../discovery-client.ts'

export interface OwnInstance {
  readonly app: string
  readonly instanceId: string
  readonly initialStatus: InstanceStatus
  readonly renewalIntervalMs: number
  /** The registration body for a status and a dirty timestamp. */
  body (status: InstanceStatus, dirtyMs: number): string
}

const DEFAULT_RENEWAL_SECONDS = 30
const DEFAULT_LEASE_SECONDS = 90

/** Reads the settings once; the body is made anew for each registration. */
export function readOwnInstance (settings: Settings, address: OwnAddress): OwnInstance {
  // Spring names the id and the virtual addresses by the application, whatever `appname` is.
  const application = settings.string('spring.application.name', 'unknown')
  const name = settings.string('eureka.instance.appname', application)
  const preferIp = settings.boolean('eureka.instance.prefer-ip-address', false)
  const ip = settings.string('eureka.instance.ip-address', address.ip)
  const host = settings.string('eureka.instance.hostname', preferIp ? ip : address.host)
  const instanceId = settings.string('eureka.instance.instance-id', defaultId(settings, host, application, address))
  const renewalSeconds = settings.integer('eureka.instance.lease-renewal-interval-in-seconds', DEFAULT_RENEWAL_SECONDS)
  const leaseSeconds = settings.integer('eureka.instance.lease-expiration-duration-in-seconds', DEFAULT_LEASE_SECONDS)
  const template = {
    instanceId,
    hostName: host,
    app: name.toUpperCase(),
    ipAddr: ip,
    overriddenStatus: 'UNKNOWN',
    ...portsOf(settings, address),
    countryId: 1,
    dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    leaseInfo: leaseInfo(renewalSeconds, leaseSeconds),
    metadata: metadataOf(settings, address),
    ...pagesOf(settings, address, host),
    appGroupName: settings.get('eureka.instance.app-group-name')?.toUpperCase(),
    vipAddress: settings.string('eureka.instance.virtual-host-name', application),
    secureVipAddress: settings.string('eureka.instance.secure-virtual-host-name', application),
    isCoordinatingDiscoveryServer: 'false'
  }
  return {
    app: template.app,
    instanceId,
    initialStatus: settings.string('eureka.instance.initial-status', 'UP').toUpperCase() as InstanceStatus,
    renewalIntervalMs: renewalSeconds * 1000,
    body: (status, dirtyMs) => JSON.stringify({
      instance: { ...template, status, lastUpdatedTimestamp: String(dirtyMs), lastDirtyTimestamp: String(dirtyMs) }
    })
  }
}

/** `host:application:port`, or another last part, as Spring's IdUtils puts it together. */
function defaultId (settings: Settings, host: string, application: string, { port }: OwnAddress): string {
  return `${host}:${application}:${settings.string('spring.application.instance_id', String(port))}`
}

function portsOf (settings: Settings, address: OwnAddress): object {
  const plain = settings.integer('eureka.instance.non-secure-port', address.secure ? 80 : address.port)
  const tls = settings.integer('eureka.instance.secure-port', address.secure ? address.port : 443)
  return {
    port: { $: plain, '@enabled': String(settings.boolean('eureka.instance.non-secure-port-enabled', !address.secure)) },
    securePort: { $: tls, '@enabled': String(settings.boolean('eureka.instance.secure-port-enabled', address.secure)) }
  }
}

function leaseInfo (renewalIntervalInSecs: number, durationInSecs: number): object {
  return {
    renewalIntervalInSecs,
    durationInSecs,
    registrationTimestamp: 0,
    lastRenewalTimestamp: 0,
    evictionTimestamp: 0,
    serviceUpTimestamp: 0
  }
}

function metadataOf (settings: Settings, address: OwnAddress): Record<string, string> {
  const own = settings.map('eureka.instance.metadata-map')
  const management = address.managementPort === undefined ? {} : { 'management.port': String(address.managementPort) }
  const zone = ownAvailabilityZone(settings)
  return { ...management, ...(zone === undefined ? {} : { zone }), ...own }
}

function pagesOf (settings: Settings, address: OwnAddress, host: string): object {
  const name = host.includes(':') ? `[${host}]` : host
  const app = `${address.secure ? 'https' : 'http'}://${name}:${address.port}`
  // A management port of its own has no TLS.
  const management = address.managementPort === undefined ? app : `http://${name}:${address.managementPort}`
  return {
    homePageUrl: `${app}${settings.string('eureka.instance.home-page-url-path', '/')}`,
    statusPageUrl: `${management}${settings.string('eureka.instance.status-page-url-path', '/actuator/info')}`,
    healthCheckUrl: `${management}${settings.string('eureka.instance.health-check-url-path', '/actuator/health')}`
  }
}
