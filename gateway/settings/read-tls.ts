/** TLS of the data plane from settings: Spring Boot's `server.ssl.*` for clients, `httpclient.ssl.*` for instances. */
import { keyStoreAt, pathAt, readText, type KeyStoreFile } from '@breakwater/starter/security'
import type { Settings } from '@breakwater/starter/settings'
import { starterError } from '@breakwater/starter/starter-errors'
import { DATA_PLANE_DEFAULTS, type ListenerTls, type PemFiles, type UpstreamTls } from '../data-plane-options.ts'
import { error } from '../errors.ts'
import { connectionOptions } from '../upstream/upstream-tls.ts'
import type { GatewaySettings } from './gateway-settings.ts'

const HANDSHAKE_TIMEOUT_MS = 10_000

/**
 * `server.ssl.certificate`, `.certificate-private-key` (PEM), or `.key-store` (PKCS12) make the default certificate,
 * `breakwater.gateway.tls.certificates[n].{server-names,certificate,private-key}` further ones by SNI. Undefined, and
 * plain HTTP, when there is none or `server.ssl.enabled` is false. Changed files are taken over without a restart.
 */
export function readListenerTls (settings: Settings): ListenerTls | undefined {
  if (!settings.boolean('server.ssl.enabled', true)) return undefined
  refuseUnused(settings, ['server.ssl.bundle'],
    'server.ssl.certificate and server.ssl.certificate-private-key with PEM files, or server.ssl.key-store (PKCS12)')
  const from = readFirst(settings)
  if (from === undefined) return undefined
  return {
    certificates: [{ serverNames: [], from }, ...readFurther(settings)],
    handshakeTimeoutMs: settings.durationMs('server.ssl.handshake-timeout', HANDSHAKE_TIMEOUT_MS),
    reloadIntervalMs: settings.durationMs('breakwater.gateway.tls.reload-interval', 1_000),
    clients: readClients(settings)
  }
}

/** A PEM file goes before a key store, as in Spring. */
function readFirst (settings: Settings): PemFiles | KeyStoreFile | undefined {
  const certificate = settings.get('server.ssl.certificate')
  if (certificate === undefined) return keyStoreAt(settings, 'server.ssl.key-store')
  const key = settings.string('server.ssl.certificate-private-key')
  return { certificateFile: pathAt(certificate), keyFile: pathAt(key) }
}

/**
 * TLS that somebody has configured and that would not be used stops the start. Spring Cloud Gateway 4.2.0 went on with
 * its defaults without a word (CVE-2026-22750).
 */
function refuseUnused (settings: Settings, keys: ReadonlyArray<string | undefined>, instead: string): void {
  const key = keys.find(one => one !== undefined && settings.get(one) !== undefined)
  if (key === undefined) return
  throw error('E_GATEWAY_SETTING', [`${key} is not used here, and TLS would be another than you think: use ${instead}.`],
    { where: settings.origin(key) })
}

/** `server.ssl.client-auth` (none, want, need) against the authorities in `server.ssl.trust-certificate`. */
function readClients (settings: Settings): ListenerTls['clients'] {
  const auth = settings.string('server.ssl.client-auth', 'none').toLowerCase()
  if (!['none', 'want', 'need'].includes(auth)) {
    throw starterError('E_TLS_CLIENT_AUTH', [auth], { where: settings.origin('server.ssl.client-auth') })
  }
  if (auth === 'none') return undefined
  const file = settings.get('server.ssl.trust-certificate')
  const trusted = file === undefined ? keyStoreAt(settings, 'server.ssl.trust-store') : pathAt(file)
  // Without authorities of our own the public ones would count, and anybody can get a certificate of those.
  if (trusted === undefined) {
    throw error('E_GATEWAY_SETTING', [`server.ssl.client-auth=${auth} needs server.ssl.trust-certificate, a PEM file, or server.ssl.trust-store (PKCS12).`],
      { where: settings.origin('server.ssl.client-auth') })
  }
  return { trusted, required: auth === 'need' }
}

function readFurther (settings: Settings): ListenerTls['certificates'] {
  const found: ListenerTls['certificates'][number][] = []
  for (let n = 0; settings.get(`breakwater.gateway.tls.certificates[${n}].certificate`) !== undefined; n++) {
    const key = (name: string) => `breakwater.gateway.tls.certificates[${n}].${name}`
    found.push({
      serverNames: settings.list(key('server-names')),
      from: {
        certificateFile: pathAt(settings.string(key('certificate'))),
        keyFile: pathAt(settings.string(key('private-key')))
      }
    })
  }
  return found
}

/** `httpclient.ssl`: what instances are checked against, and what the gateway shows them. */
export function readUpstreamTls (settings: Settings, gateway: GatewaySettings): UpstreamTls {
  const { upstreamTls } = DATA_PLANE_DEFAULTS
  refuseUnused(settings, ['ssl-bundle', 'key-store'].map(name => gateway.key(`httpclient.ssl.${name}`)),
    'httpclient.ssl.trusted-x509-certificates and breakwater.gateway.upstream-tls.certificate, .private-key with PEM files')
  const key = gateway.key('httpclient.ssl.trusted-x509-certificates')
  const trusted = key === undefined ? [] : settings.keys(key).filter(one => (settings.get(one) ?? '') !== '')
  const own = (name: string): string => `breakwater.gateway.upstream-tls.${name}`
  const path = (name: string): string | undefined => {
    const location = settings.get(name) ?? ''
    return location === '' ? undefined : pathAt(location)
  }
  return checked({
    ...upstreamTls,
    insecure: gateway.boolean('httpclient.ssl.use-insecure-trust-manager', false),
    trustedCertificates: trusted.flatMap(one => readText(settings, one) ?? []),
    certificate: readText(settings, own('certificate')),
    key: readText(settings, own('private-key')),
    files: {
      trusted: trusted.flatMap(one => path(one) ?? []), certificate: path(own('certificate')), key: path(own('private-key'))
    },
    reloadIntervalMs: settings.durationMs('breakwater.gateway.tls.reload-interval', upstreamTls.reloadIntervalMs),
    handshakeTimeoutMs: gateway.durationMs('httpclient.ssl.handshake-timeout', upstreamTls.handshakeTimeoutMs)
  })
}

/** At the start whoever wrote the settings hears of it; later the old ones go on. */
function checked (tls: UpstreamTls): UpstreamTls {
  try {
    connectionOptions(tls)
    return tls
  } catch (cause) {
    const { trusted, certificate, key } = tls.files
    const files = [...trusted, certificate, key].filter(file => file !== undefined).join(', ')
    throw error('E_GATEWAY_CERTIFICATE', [files, cause instanceof Error ? cause.message : String(cause)], { cause })
  }
}
