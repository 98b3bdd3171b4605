/** TLS from PEM files, for servers under Spring Boot's names and for clients under ours. */
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext, type Server } from 'node:tls'
import { fileURLToPath } from 'node:url'
import type { Logger } from '../logger.ts'
import type { Settings } from '../settings/index.ts'
import { starterError } from '../starter-errors.ts'
import { openKeyStore, type KeyEntry, type KeyStore } from './key-store.ts'

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
 * `server.ssl.certificate`, `.certificate-private-key`, `.trust-certificate` (PEM), or `.key-store`, `.trust-store`
 * (PKCS12); `.client-auth` (none, want, need). Undefined when there is no certificate or `server.ssl.enabled` is false.
 * `followServerTls` takes over later changes.
 */
export function readServerTls (settings: Settings): ServerTls | undefined {
  if (!settings.boolean('server.ssl.enabled', true)) return undefined
  if (settings.get('server.ssl.bundle') !== undefined) {
    throw starterError('E_TLS_UNUSED', ['server.ssl.bundle'], { where: settings.origin('server.ssl.bundle') })
  }
  const own = readOwn(settings)
  if (own === undefined) return undefined
  const ca = readText(settings, 'server.ssl.trust-certificate') ?? readTrustStore(settings)
  const clientAuth = settings.string('server.ssl.client-auth', 'none').toLowerCase()
  if (!['none', 'want', 'need'].includes(clientAuth)) {
    throw starterError('E_TLS_CLIENT_AUTH', [clientAuth], { where: settings.origin('server.ssl.client-auth') })
  }
  const files = { ...own, ...(ca === undefined ? {} : { ca }) }
  checkFiles(files, settings)
  return {
    ...files,
    requestCert: clientAuth !== 'none',
    rejectUnauthorized: clientAuth === 'need'
  }
}

/** A PEM file goes before a key store, as in Spring. */
function readOwn (settings: Settings): KeyEntry | undefined {
  const cert = readText(settings, 'server.ssl.certificate')
  const keyName = 'server.ssl.certificate-private-key'
  if (cert !== undefined) return { cert, key: readText(settings, keyName) ?? settings.string(keyName) }
  const store = keyStoreAt(settings, 'server.ssl.key-store')
  return store === undefined ? undefined : entryOf(openStore(store), store)
}

function readTrustStore (settings: Settings): string | undefined {
  const store = keyStoreAt(settings, 'server.ssl.trust-store')
  return store === undefined ? undefined : openStore(store).certificates
}

/** A key store as settings name it. */
export interface KeyStoreFile {
  readonly file: string
  readonly password: string
  readonly alias?: string
  /** The place of the setting, for errors. */
  readonly where?: string
}

/** `key` is `server.ssl.key-store` or the like; its `-password` stands beside it, and `server.ssl.key-alias`. */
export function keyStoreAt (settings: Settings, key: string): KeyStoreFile | undefined {
  const file = pathOf(settings, key)
  if (file === undefined) return undefined
  const alias = settings.get(key.replace(/-store$/, '-alias'))
  const where = settings.origin(key)
  return {
    file, password: settings.string(`${key}-password`, ''), ...(alias === undefined ? {} : { alias }),
    ...(where === undefined ? {} : { where })
  }
}

/** Errors: E_FILE, E_KEY_STORE. */
export function openStore ({ file, password, where }: KeyStoreFile): KeyStore {
  return openKeyStore(readBytes(file, where), password, where)
}

/** The key that was asked for; E_KEY_STORE when it is not there. */
export function entryOf (store: KeyStore, { alias, where }: KeyStoreFile): KeyEntry {
  const entry = store.entry(alias)
  if (entry !== undefined) return entry
  const reason = alias === undefined ? 'there is no key in it' : `there is no key ${alias} in it`
  throw starterError('E_KEY_STORE', [reason], where === undefined ? {} : { where })
}

/** Here they have names; what OpenSSL says of them later has none. */
function checkFiles (files: Pick<ServerTls, 'cert' | 'key' | 'ca'>, settings: Settings): void {
  try {
    createSecureContext(files)
  } catch (cause) {
    const reason = (cause as { reason?: string }).reason ?? (cause as Error).message
    throw starterError('E_TLS_FILES', [reason], { where: settings.origin('server.ssl.certificate'), cause })
  }
}

const SERVER_FILES = ['certificate', 'certificate-private-key', 'trust-certificate', 'key-store', 'trust-store'].map(name => `server.ssl.${name}`)

/**
 * Takes changed files of `server.ssl.*` over into a running server, for connections made from then on; returns what
 * ends that. Files that cannot be used are told of and the old ones stay: certificate and key are rarely replaced in
 * one instant. Polled, because mounted secrets change by a swap of links that file events do not see.
 */
export function followServerTls (
  server: Pick<Server, 'setSecureContext'>, settings: Settings, log: Logger, intervalMs = 1_000
): () => void {
  const take = (): void => {
    try {
      server.setSecureContext(readServerTls(settings) ?? {})
      log.info('certificates were read again')
    } catch (failure) {
      log.warn({ err: failure }, 'the changed certificates are not used')
    }
  }
  const files = SERVER_FILES.flatMap(key => pathOf(settings, key) ?? [])
  for (const file of files) watchFile(file, { interval: intervalMs, persistent: false }, take)
  return () => { for (const file of files) unwatchFile(file, take) }
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
  const path = pathOf(settings, key)
  return path === undefined ? undefined : readBytes(path, settings.origin(key)).toString('utf8')
}

function readBytes (path: string, where: string | undefined): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const reason = path.startsWith('classpath:') ? 'there is no class path here: name a file' : code ?? message
    throw starterError('E_FILE', [path, reason], { ...(where === undefined ? {} : { where }), cause })
  }
}

function pathOf (settings: Settings, key: string): string | undefined {
  const location = settings.get(key)
  return location === undefined || location === '' ? undefined : pathAt(location)
}

/** Spring writes locations as `file:/etc/tls/tls.crt`, with percent signs as in any URL; Node takes paths. */
export function pathAt (location: string): string {
  return location.startsWith('file:/') ? fileURLToPath(location) : location.replace(/^file:/, '')
}
