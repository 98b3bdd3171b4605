/**
 * What instances are checked against and what they are shown, read again when its files change: cert-manager, Vault and
 * SPIFFE issue for hours, and a gateway lives for weeks.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext, type ConnectionOptions } from 'node:tls'
import type { UpstreamTls } from '../data-plane-options.ts'
import type { WorkerHost } from '../workers/contract.ts'

type Pem = Pick<UpstreamTls, 'trustedCertificates' | 'certificate' | 'key'>

/** Options for every TLS connection to an instance. Throws when a text is no PEM, or certificate and key do not fit. */
export function connectionOptions (tls: UpstreamTls): ConnectionOptions {
  const { insecure, trustedCertificates, certificate, key } = tls
  // OpenSSL passes over what is no certificate in silence, and would trust nobody afterwards.
  for (const text of trustedCertificates) void new X509Certificate(text)
  const secureContext = createSecureContext({
    ...(trustedCertificates.length === 0 ? {} : { ca: [...trustedCertificates] }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key })
  })
  return { rejectUnauthorized: !insecure, ALPNProtocols: ['http/1.1'], secureContext }
}

export class FollowedTls {
  /** The newest that fitted together. */
  current: ConnectionOptions
  private readonly tls: UpstreamTls
  private readonly log: WorkerHost['log']
  private readonly changed: () => void
  private seen: string

  /** `onChange` hears of each change after `current` is the new one. */
  constructor (tls: UpstreamTls, log: WorkerHost['log'], onChange: () => void) {
    this.tls = tls
    this.log = log
    this.seen = JSON.stringify([tls.trustedCertificates, tls.certificate, tls.key])
    this.current = connectionOptions(tls)
    this.changed = () => { if (this.reload()) onChange() }
  }

  start (): void {
    // An event loop that took the place of another was told what the settings read at the process's start.
    if (this.files().length > 0) this.changed()
    // Stat polling, because mounted secrets change by a symlink swap that file events do not see.
    const interval = this.tls.reloadIntervalMs
    for (const file of this.files()) watchFile(file, { interval, persistent: false }, this.changed)
  }

  stop (): void {
    for (const file of this.files()) unwatchFile(file, this.changed)
  }

  private files (): string[] {
    const { trusted, certificate, key } = this.tls.files
    return [...trusted, ...[certificate, key].flatMap(file => file ?? [])]
  }

  /** Whether something else holds now; what does not fit together is told of, and the old goes on. */
  private reload (): boolean {
    try {
      const pem = this.read()
      const text = JSON.stringify([pem.trustedCertificates, pem.certificate, pem.key])
      if (text === this.seen) return false
      this.current = connectionOptions({ ...this.tls, ...pem })
      this.seen = text
      this.log('info', 'certificates towards instances were read again')
      return true
    } catch (fault) {
      this.log('warn', `the changed certificates towards instances are not used: ${String(fault)}`)
      return false
    }
  }

  private read (): Pem {
    const { trusted, certificate, key } = this.tls.files
    const text = (file: string): string => readFileSync(file, 'utf8')
    return {
      trustedCertificates: trusted.map(text),
      certificate: certificate === undefined ? undefined : text(certificate),
      key: key === undefined ? undefined : text(key)
    }
  }
}
