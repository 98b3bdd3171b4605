import type { DataCenter, Instance, LeaseInfo, Metadata, Port } from '../registry/instance.ts'

/**
 * Instances as Eureka's JSON, by concatenation: the field order and the mix of strings and numbers are what Java,
 * Go, Python and .NET clients decode by position and type, so nothing is left to a serialiser.
 * Not one field more: Spring's client drops the whole registry over an unknown field.
 */

const text = JSON.stringify as (value: string) => string

/** The classes Java clients choose their decoder by; without `@class` they read nothing. */
export const MY_DATA_CENTER = 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo'
export const AMAZON_DATA_CENTER = 'com.netflix.appinfo.AmazonInfo'
/** How Eureka spells metadata without entries. */
export const EMPTY_MAP = 'java.util.Collections$EmptyMap'

/** What a compact answer keeps of Amazon's facts. */
const COMPACT_AMAZON = new Set(['instance-id', 'public-ipv4', 'public-hostname', 'local-ipv4', 'availability-zone'])

/** One instance, without a wrapper. */
export function instanceJson (instance: Instance): string {
  return '{' + optional('instanceId', instance.instanceId) +
    `"hostName":${text(instance.hostName)},"app":${text(instance.app)},"ipAddr":${text(instance.ipAddr)},` +
    optional('sid', instance.sid) +
    `"status":"${instance.status}","overriddenStatus":"${instance.overriddenStatus}",` +
    `"port":${portJson(instance.port)},"securePort":${portJson(instance.securePort)},` +
    `"countryId":${instance.countryId},"dataCenterInfo":${dataCenterJson(instance.dataCenter)},` +
    `"leaseInfo":${leaseJson(instance.lease)},"metadata":${metadataJson(instance.metadata)},` +
    optional('appGroupName', instance.appGroupName) +
    optional('homePageUrl', instance.homePageUrl) +
    optional('statusPageUrl', instance.statusPageUrl) +
    optional('healthCheckUrl', instance.healthCheckUrl) +
    optional('secureHealthCheckUrl', instance.secureHealthCheckUrl) +
    optional('vipAddress', instance.vipAddress) +
    optional('secureVipAddress', instance.secureVipAddress) +
    `"isCoordinatingDiscoveryServer":"${instance.coordinator}",` +
    `"lastUpdatedTimestamp":"${instance.lastUpdatedAt}","lastDirtyTimestamp":"${instance.lastDirtyAt}",` +
    `"actionType":"${instance.action}"` +
    (instance.asgName === undefined ? '' : `,"asgName":${text(instance.asgName)}`) + '}'
}

/** What `X-Eureka-Accept: compact` asks for: enough to call the instance, in the original's order. */
export function compactInstanceJson (instance: Instance): string {
  const id = instance.instanceId
  return '{' + optional('instanceId', id) +
    `"app":${text(instance.app)},"ipAddr":${text(instance.ipAddr)},` +
    optional('vipAddress', instance.vipAddress) +
    optional('secureVipAddress', instance.secureVipAddress) +
    `"dataCenterInfo":${dataCenterJson(compactDataCenter(instance.dataCenter))},` +
    `"hostName":${text(instance.hostName)},"status":"${instance.status}",` +
    `"lastUpdatedTimestamp":${instance.lastUpdatedAt},"actionType":"${instance.action}",` +
    optional('asgName', instance.asgName) +
    `"port":${portJson(instance.port)},"securePort":${portJson(instance.securePort)}}`
}

/** Amazon's facts reduced to the five that a compact answer keeps. */
export function compactDataCenter (dataCenter: DataCenter): DataCenter {
  if (dataCenter.metadata === undefined) return dataCenter
  return { ...dataCenter, metadata: new Map([...dataCenter.metadata].filter(([key]) => COMPACT_AMAZON.has(key))) }
}

/** Anything but Amazon is spelled as the default, whatever class the client sent. */
export function dataCenterClass (dataCenter: DataCenter): string {
  return dataCenter.name === 'Amazon' ? AMAZON_DATA_CENTER : MY_DATA_CENTER
}

function optional (name: string, value: string | undefined): string {
  return value === undefined ? '' : `"${name}":${text(value)},`
}

function portJson (port: Port): string {
  return `{"$":${port.number},"@enabled":"${port.enabled}"}`
}

function dataCenterJson (dataCenter: DataCenter): string {
  const metadata = dataCenter.metadata === undefined ? '' : `,"metadata":${metadataJson(dataCenter.metadata)}`
  return `{"@class":"${dataCenterClass(dataCenter)}","name":"${dataCenter.name}"${metadata}}`
}

function leaseJson (lease: LeaseInfo): string {
  return `{"renewalIntervalInSecs":${lease.renewalIntervalSecs},"durationInSecs":${lease.durationSecs},` +
    `"registrationTimestamp":${lease.registeredAt},"lastRenewalTimestamp":${lease.renewedAt},` +
    `"evictionTimestamp":${lease.evictedAt},"serviceUpTimestamp":${lease.serviceUpAt}}`
}

function metadataJson (metadata: Metadata): string {
  if (metadata.size === 0) return `{"@class":"${EMPTY_MAP}"}`
  let json = ''
  for (const [key, value] of metadata) json += `${json === '' ? '{' : ','}${text(key)}:${text(value)}`
  return json + '}'
}
