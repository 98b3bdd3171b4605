/** TLS from PEM files, for servers under Spring Boot's names and for clients under ours. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Settings } from '../settings/index.ts'
import { starterError } from '../starter-errors.ts'

/** What Node's TLS server takes. */
export interface ServerTls {
  readonly cert: string
  readonly key: string
  readonly ca?: string
  readonly requestCert: boolean
  readonly rejectUnauthorized: boolean
}

/** What Node's TLS client takes; empty trusts the public authorities and shows no certificate. */
export interface ClientTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/**
 * `server.ssl.certificate`, `.certificate-private-key`, `.trust-certificate`, `.client-auth` (none, want, need);
 * undefined when there is no certificate or `server.ssl.enabled` is false. Read once: a new one takes a restart.
 */
export function readServerTls (settings: Settings): ServerTls | undefined {
  if (!settings.boolean('server.ssl.enabled', true)) return undefined
  const cert = readText(settings, 'server.ssl.certificate')
  if (cert === undefined) return undefined
  const keyName = 'server.ssl.certificate-private-key'
  const ca = readText(settings, 'server.ssl.trust-certificate')
  const clientAuth = settings.string('server.ssl.client-auth', 'none').toLowerCase()
  if (!['none', 'want', 'need'].includes(clientAuth)) {
    throw starterError('E_TLS_CLIENT_AUTH', [clientAuth], { where: settings.origin('server.ssl.client-auth') })
  }
  return {
    cert,
    key: readText(settings, keyName) ?? settings.string(keyName),
    ...(ca === undefined ? {} : { ca }),
    requestCert: clientAuth !== 'none',
    rejectUnauthorized: clientAuth === 'need'
  }
}

/** `ca-file`, `cert-file` and `key-file` below a prefix. */
export function readClientTls (settings: Settings, prefix: string): ClientTls {
  const [ca, cert, key] = ['ca-file', 'cert-file', 'key-file'].map(name => readText(settings, `${prefix}.${name}`))
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key })
  }
}

/** The content of the file that a setting names; undefined when it names none, E_FILE when it cannot be read. */
export function readText (settings: Settings, key: string): string | undefined {
  const location = settings.get(key)
  if (location === undefined || location === '') return undefined
  try {
    return readFileSync(location.startsWith('file:') ? fileURLToPath(location) : location, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw starterError('E_FILE', [location, code ?? message], { where: settings.origin(key), cause })
  }
}
