import type { DataCenter, Instance, LeaseInfo, Metadata, Port } from '../registry/instance.ts'
import { compactDataCenter, dataCenterClass, EMPTY_MAP } from './json.ts'
import { escapeName, escapeText } from './xml-names.ts'

/**
 * Instances as Eureka's XML: two spaces a level, no declaration, `overriddenstatus` in lower case. Python's client
 * and everything that sends no `Accept` lives on this form. Compact answers are one line.
 */

/** A level so low that all that is nested below it stays on the same line too. */
export const FLAT = -100

/** One `<instance>` at a depth of `level`. */
export function instanceXml (instance: Instance, level: number): string {
  const at = level + 1
  return open('instance', level) +
    element('instanceId', instance.instanceId, at) +
    element('hostName', instance.hostName, at) +
    element('app', instance.app, at) +
    element('ipAddr', instance.ipAddr, at) +
    element('sid', instance.sid, at) +
    element('status', instance.status, at) +
    element('overriddenstatus', instance.overriddenStatus, at) +
    portXml('port', instance.port, at) +
    portXml('securePort', instance.securePort, at) +
    element('countryId', String(instance.countryId), at) +
    dataCenterXml(instance.dataCenter, at) +
    leaseXml(instance.lease, at) +
    metadataXml(instance.metadata, at) +
    element('appGroupName', instance.appGroupName, at) +
    element('homePageUrl', instance.homePageUrl, at) +
    element('statusPageUrl', instance.statusPageUrl, at) +
    element('healthCheckUrl', instance.healthCheckUrl, at) +
    element('secureHealthCheckUrl', instance.secureHealthCheckUrl, at) +
    element('vipAddress', instance.vipAddress, at) +
    element('secureVipAddress', instance.secureVipAddress, at) +
    element('isCoordinatingDiscoveryServer', String(instance.coordinator), at) +
    element('lastUpdatedTimestamp', String(instance.lastUpdatedAt), at) +
    element('lastDirtyTimestamp', String(instance.lastDirtyAt), at) +
    element('actionType', instance.action, at) +
    element('asgName', instance.asgName, at) +
    close('instance', level)
}

/** The reduced form, on one line as the original writes it. */
export function compactInstanceXml (instance: Instance): string {
  return open('instance', FLAT) +
    element('instanceId', instance.instanceId, FLAT) +
    element('app', instance.app, FLAT) +
    element('ipAddr', instance.ipAddr, FLAT) +
    element('vipAddress', instance.vipAddress, FLAT) +
    element('secureVipAddress', instance.secureVipAddress, FLAT) +
    dataCenterXml(compactDataCenter(instance.dataCenter), FLAT) +
    element('hostName', instance.hostName, FLAT) +
    element('status', instance.status, FLAT) +
    element('lastUpdatedTimestamp', String(instance.lastUpdatedAt), FLAT) +
    element('actionType', instance.action, FLAT) +
    element('asgName', instance.asgName, FLAT) +
    portXml('port', instance.port, FLAT) +
    portXml('securePort', instance.securePort, FLAT) +
    close('instance', FLAT)
}

/** `<name>value</name>` on a line of its own; nothing when there is no value. */
export function element (name: string, value: string | undefined, level: number): string {
  return value === undefined ? '' : line(level, `<${name}>${escapeText(value)}</${name}>`)
}

export function open (name: string, level: number, attributes = ''): string {
  return line(level, `<${name}${attributes}>`)
}

export function close (name: string, level: number): string {
  return line(level, `</${name}>`)
}

function line (level: number, xml: string): string {
  return level < 0 ? xml : `${'  '.repeat(level)}${xml}\n`
}

function portXml (name: string, port: Port, level: number): string {
  return line(level, `<${name} enabled="${port.enabled}">${port.number}</${name}>`)
}

function dataCenterXml (dataCenter: DataCenter, level: number): string {
  return open('dataCenterInfo', level, ` class="${dataCenterClass(dataCenter)}"`) +
    element('name', dataCenter.name, level + 1) +
    (dataCenter.metadata === undefined ? '' : metadataXml(dataCenter.metadata, level + 1)) +
    close('dataCenterInfo', level)
}

function leaseXml (lease: LeaseInfo, level: number): string {
  return open('leaseInfo', level) +
    element('renewalIntervalInSecs', String(lease.renewalIntervalSecs), level + 1) +
    element('durationInSecs', String(lease.durationSecs), level + 1) +
    element('registrationTimestamp', String(lease.registeredAt), level + 1) +
    element('lastRenewalTimestamp', String(lease.renewedAt), level + 1) +
    element('evictionTimestamp', String(lease.evictedAt), level + 1) +
    element('serviceUpTimestamp', String(lease.serviceUpAt), level + 1) +
    close('leaseInfo', level)
}

function metadataXml (metadata: Metadata, level: number): string {
  if (metadata.size === 0) return line(level, `<metadata class="${EMPTY_MAP}"/>`)
  let xml = open('metadata', level)
  for (const [key, value] of metadata) xml += element(escapeName(key), value, level + 1)
  return xml + close('metadata', level)
}
