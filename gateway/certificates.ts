/**
 * Certificates of the listener: by server name (SNI), read again when their files change, without a restart. New ones
 * that do not fit together are refused and the old ones stay: certificate and key are rarely replaced in one instant.
 */
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext, type SecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls'
import { entryOf, openStore, type KeyStoreFile } from '@breakwater/starter/security'
import type { ListenerCertificate, ListenerTls } from './data-plane-options.ts'
import { error } from './errors.ts'
import type { WorkerHost } from './workers/contract.ts'

interface Loaded {
  readonly names: readonly string[]
  readonly context: SecureContext
  readonly pem: SecureContextOptions
}

export class Certificates {
  private readonly tls: ListenerTls
  private readonly log: WorkerHost['log']
  private loaded: readonly Loaded[]
  private readonly listeners: Array<(options: SecureContextOptions) => void> = []
  private readonly changed = (): void => this.reload()

  constructor (tls: ListenerTls, log: WorkerHost['log']) {
    this.tls = tls
    this.log = log
    this.loaded = this.load()
    // Stat polling, because mounted secrets change by a symlink swap that file events do not see.
    const interval = tls.reloadIntervalMs
    for (const file of this.files()) watchFile(file, { interval, persistent: false }, this.changed)
  }

  private files (): string[] {
    const { certificates, clients } = this.tls
    const own = certificates.flatMap(({ from }) => filesOf(from))
    return clients === undefined ? own : [...own, ...filesOf(clients.trusted)]
  }

  private load (): Loaded[] {
    const { certificates, clients } = this.tls
    return certificates.map((one) => load(one, clients?.trusted))
  }

  /** For tls.createServer. */
  options (): TlsOptions {
    return {
      ...this.loaded[0]?.pem,
      minVersion: 'TLSv1.2',
      requestCert: this.tls.clients !== undefined,
      rejectUnauthorized: this.tls.clients?.required === true,
      SNICallback: (name, done) => done(null, this.contextFor(name))
    }
  }

  /** Clients that send no name get the first certificate: the server must be told when that changes. */
  onChange (listener: (options: SecureContextOptions) => void): void {
    this.listeners.push(listener)
  }

  /** Exact name first, then `*.parent`, then the default. */
  private contextFor (serverName: string): SecureContext {
    const wanted = serverName.toLowerCase()
    const parent = `*${wanted.slice(wanted.indexOf('.'))}`
    const named = (name: string): Loaded | undefined => this.loaded.find(({ names }) => names.includes(name))
    return (named(wanted) ?? named(parent) ?? this.loaded[0]!).context
  }

  private reload (): void {
    try {
      this.loaded = this.load()
      for (const listener of this.listeners) listener(this.loaded[0]!.pem)
      this.log('info', 'certificates were read again')
    } catch (fault) {
      this.log('warn', `the changed certificates are not used: ${String(fault)}`)
    }
  }

  close (): void {
    for (const file of this.files()) unwatchFile(file, this.changed)
  }
}

/** Every server name has the authorities of clients: a context that SNI picks replaces the first one's. */
function load ({ serverNames, from }: ListenerCertificate, trusted?: string | KeyStoreFile): Loaded {
  try {
    const pem = { ...ownOf(from), ...(trusted === undefined ? {} : { ca: authoritiesOf(trusted) }) }
    return { names: serverNames.map((name) => name.toLowerCase()), context: createSecureContext(pem), pem }
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).replace(/\.$/, '')
    throw error('E_GATEWAY_CERTIFICATE', [filesOf(from).join(', '), reason], { cause })
  }
}

function ownOf (from: ListenerCertificate['from']): Pick<SecureContextOptions, 'cert' | 'key'> {
  if ('file' in from) return entryOf(openStore(from), from)
  return { cert: readFileSync(from.certificateFile), key: readFileSync(from.keyFile) }
}

function authoritiesOf (trusted: string | KeyStoreFile): Buffer | string {
  return typeof trusted === 'string' ? readFileSync(trusted) : openStore(trusted).certificates
}

function filesOf (from: ListenerCertificate['from'] | string): string[] {
  if (typeof from === 'string') return [from]
  return 'file' in from ? [from.file] : [from.certificateFile, from.keyFile]
}
