/** The settings of ours that the starter reads: another key in these sections is a slip and stops the start. */
import { checkKeys } from './settings/index.ts'
import type { Settings } from './settings/index.ts'

const CLIENT = ['try-timeout', 'connect-timeout', 'retry-budget', 'max-connections', 'max-body-size']
const DNS = ['servers', 'servers[*]', 'suffix', 'refresh', 'timeout']
const SECURITY = ['mode', 'users[*].name', 'users[*].password', 'users[*].roles', 'users[*].roles[*]', 'roles-claim',
  'applications-claim', 'allowed-hosts', 'allowed-hosts[*]', 'hosts', 'hosts[*]', 'admin-token-file', 'denied-networks',
  'denied-networks[*]', 'loopback-instances', 'mtls.roles.**', 'mtls.default-roles', 'mtls.default-roles[*]']

/** Throws E_CONFIG_KEY with all of them, each with its place and the nearest key there is. */
export function checkServiceKeys (settings: Settings): void {
  checkKeys(settings, {
    owned: ['breakwater.client', 'breakwater.dns', 'breakwater.shutdown'],
    known: [
      ...CLIENT.flatMap(name => [`breakwater.client.${name}`, `breakwater.client.instances.*.${name}`]),
      ...['ca-file', 'cert-file', 'key-file'].map(name => `breakwater.client.tls.${name}`),
      ...DNS.map(name => `breakwater.dns.${name}`),
      'breakwater.shutdown.drain'
    ]
  })
}

/** The same for the choice of who may, which every server reads. */
export function checkSecurityKeys (settings: Settings): void {
  checkKeys(settings, { owned: ['breakwater.security'], known: SECURITY.map(name => `breakwater.security.${name}`) })
}
