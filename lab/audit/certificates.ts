/**
 * Instances that speak TLS with a certificate that does not fit: the gateway must not talk to them. Made by openssl,
 * because Node can sign nothing.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** All of them are asked for as `localhost`. */
const KINDS = {
  'right-name': { names: 'DNS:localhost', trusted: true },
  'wrong-name': { names: 'DNS:other.example', trusted: true },
  'longer-name': { names: 'DNS:localhost.evil.example', trusted: true },
  'wildcard-above': { names: 'DNS:*.localhost', trusted: true },
  untrusted: { names: 'DNS:localhost', trusted: false }
} as const
export type CertificateKind = keyof typeof KINDS
export const CERTIFICATE_KINDS = Object.keys(KINDS) as CertificateKind[]

export class TlsInstances {
  readonly ports = new Map<CertificateKind, number>()
  /** Files that the gateway trusts. */
  readonly trusted: string[] = []
  readonly #servers: Server[] = []

  async listen (folder: string, answer: RequestListener): Promise<void> {
    for (const kind of CERTIFICATE_KINDS) {
      const [keyFile, certFile] = [join(folder, `${kind}.key`), join(folder, `${kind}.pem`)]
      sign(KINDS[kind].names, keyFile, certFile)
      if (KINDS[kind].trusted) this.trusted.push(certFile)
      const server = createServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) }, answer)
      server.on('tlsClientError', () => {})
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      this.ports.set(kind, (server.address() as AddressInfo).port)
      this.#servers.push(server)
    }
  }

  close (): void {
    for (const server of this.#servers) {
      server.closeAllConnections()
      server.close()
    }
  }
}

/** The subject is the right name in each: where other names stand beside it, it is none (RFC 6125, 6.4.4). */
function sign (names: string, keyFile: string, certFile: string): void {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-addext', `subjectAltName=${names}`, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' })
}
