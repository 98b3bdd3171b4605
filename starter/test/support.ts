/** What several test files need: settings from an object, a silent log, a registry double, and waiting for facts. */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import forge from 'node-forge'
import { createLogger } from '../logger.ts'
import type { Logger } from '../logger.ts'
import { loadSettings } from '../settings/index.ts'
import type { Settings } from '../settings/index.ts'

/** Lets the processes that tests start share compiled code, as the stack does: half of such a test is compiling. */
export const NODE_COMPILE_CACHE = join(import.meta.dirname, '../../node_modules/.cache/breakwater')

/** Settings of nothing but these, as if from the command line. */
export function settingsOf (values: Record<string, string> = {}, profiles?: string[]): Promise<Settings> {
  return loadSettings({ name: 'test', folder: '/nonexistent', args: values, ...(profiles === undefined ? {} : { profiles }) })
}

/** A logger that keeps its lines. */
export function memoryLog (level = 'debug'): { log: Logger, lines: Array<Record<string, unknown>> } {
  const lines: Array<Record<string, unknown>> = []
  // The access log writes several lines at once.
  const write = (text: string): void => {
    for (const line of text.trimEnd().split('\n')) lines.push(JSON.parse(line) as Record<string, unknown>)
  }
  const log = createLogger({ name: 'test', level, destination: { write } })
  return { log, lines }
}

/** Waits until it is so; rejects after 90 s, because a busy machine is slow and a broken one never gets there. */
export async function until<T> (what: string, ask: () => T | Promise<T>): Promise<NonNullable<T>> {
  const limitMs = performance.now() + 90_000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== null && answer !== false) return answer
    if (performance.now() > limitMs) throw new Error(`waited 90 s for: ${what}`)
    await sleep(5)
  }
}

export interface HttpDouble {
  readonly url: string
  readonly port: number
  readonly server: Server
  close (): Promise<void>
}

/** A real HTTP server on a free port of the loopback. */
export async function httpDouble (
  handle: (request: IncomingMessage, response: ServerResponse, body: string) => void, port = 0
): Promise<HttpDouble> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => handle(request, response, Buffer.concat(chunks).toString('utf8')))
  })
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  const bound = (server.address() as AddressInfo).port
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    server,
    close: () => new Promise(resolve => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
}

export interface Pem { readonly key: string, readonly cert: string }

/** A certificate for a name: of its own, an authority, or signed by one. */
export function certificate (name: string, issuer?: Pem): Pem {
  const keys = forge.pki.rsa.generateKeyPair(2048)
  const cert = forge.pki.createCertificate()
  cert.publicKey = keys.publicKey
  cert.serialNumber = `01${Buffer.from(name).toString('hex')}`.slice(0, 16)
  cert.validity.notBefore = new Date(Date.now() - 60_000)
  cert.validity.notAfter = new Date(Date.now() + 3_600_000)
  const subject = [{ name: 'commonName', value: name }]
  cert.setSubject(subject)
  const by = issuer === undefined ? undefined : forge.pki.certificateFromPem(issuer.cert)
  cert.setIssuer(by === undefined ? subject : by.subject.attributes)
  cert.setExtensions(issuer === undefined
    ? [{ name: 'basicConstraints', cA: true }]
    : [{ name: 'subjectAltName', altNames: [/^[\d.]+$/.test(name) ? { type: 7, ip: name } : { type: 2, value: name }] }])
  cert.sign(issuer === undefined ? keys.privateKey : forge.pki.privateKeyFromPem(issuer.key), forge.md.sha256.create())
  return { key: forge.pki.privateKeyToPem(keys.privateKey), cert: forge.pki.certificateToPem(cert) }
}
