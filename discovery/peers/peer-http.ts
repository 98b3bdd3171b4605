import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import { createGunzip, gzipSync } from 'node:zlib'
import { discoveryError } from '../errors.ts'
import type { PeerCaller, PeerReply } from './calling.ts'

/** Certificates for calling peers over TLS: the server's own, shown as a client. */
export type PeerTls = Pick<SecureContextOptions, 'ca' | 'cert' | 'key'>

export interface PeerHttpOptions {
  readonly timeoutMs: number
  /** Packs what is sent. @default false */
  readonly compress?: boolean
  /** Asked for each call, because certificates are replaced while the registry runs. */
  readonly tls?: (() => PeerTls | undefined) | undefined
  /** `Bearer ...` or `Basic ...`, for peers whose URL has no credentials of its own. */
  readonly authorization?: (() => Promise<string>) | undefined
}

/** What is sent: a text, or the same packed. */
interface Content {
  readonly bytes: string | Buffer
  readonly packed: boolean
}

/** A reply that is longer than any registry's list is cut off. */
const MAX_REPLY_BYTES = 512 * 1024 * 1024

/** Calls one peer: kept connections, one deadline over all of a call, Eureka's identity headers, credentials unseen. */
export class PeerHttp implements PeerCaller {
  readonly url: string
  readonly #base: URL
  readonly #options: PeerHttpOptions
  readonly #agent: HttpAgent
  readonly #ownAuthorization: string | undefined

  constructor (url: string, options: PeerHttpOptions) {
    const base = new URL(url.endsWith('/') ? url : `${url}/`)
    if (base.username !== '') {
      const credentials = `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`
      this.#ownAuthorization = `Basic ${Buffer.from(credentials).toString('base64')}`
    }
    base.username = base.password = ''
    this.#base = base
    this.url = base.href
    this.#options = options
    const kept = { keepAlive: true, maxSockets: 4, timeout: 30_000 }
    this.#agent = base.protocol === 'https:' ? new HttpsAgent(kept) : new HttpAgent(kept)
  }

  async call (method: 'GET' | 'POST', path: string, body?: string): Promise<PeerReply> {
    const authorization = this.#ownAuthorization ?? await this.#options.authorization?.()
    const content = body === undefined ? undefined : contentOf(body, this.#options.compress ?? false)
    const send = this.#base.protocol === 'https:' ? httpsRequest : httpRequest
    const signal = AbortSignal.timeout(this.#options.timeoutMs)
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => reject(this.#failure(cause, signal))
      const outgoing = send(new URL(path, this.#base), {
        ...certificates(this.#options.tls?.()), method, agent: this.#agent, signal,
        headers: headersOf(authorization, content)
      }, reply => {
        collect(reply).then(text => resolve({ status: reply.statusCode ?? 0, body: text }), fail)
      })
      outgoing.on('error', fail)
      outgoing.end(content?.bytes)
    })
  }

  close (): void {
    this.#agent.destroy()
  }

  #failure (cause: unknown, signal: AbortSignal): Error {
    if (signal.aborted) return discoveryError('E_PEER_TIMEOUT', [this.#options.timeoutMs], { where: this.url, cause })
    return discoveryError('E_PEER_UNREACHABLE', [(cause as NodeJS.ErrnoException).code ?? 'no reason given'], { where: this.url, cause })
  }
}

/** Nothing but the certificates: what the server asks of its clients has no meaning here. */
function certificates ({ ca, cert, key }: PeerTls = {}): PeerTls {
  return { ca, cert, key }
}

function contentOf (body: string, compress: boolean): Content {
  return { bytes: compress ? gzipSync(body) : body, packed: compress }
}

function headersOf (authorization: string | undefined, content: Content | undefined): Record<string, string> {
  const headers: Record<string, string> = {
    accept: 'application/json',
    'accept-encoding': 'gzip',
    'DiscoveryIdentity-Name': 'DefaultServer',
    'DiscoveryIdentity-Version': '1.0'
  }
  if (authorization !== undefined) headers.authorization = authorization
  if (content === undefined) return headers
  headers['content-type'] = 'application/json'
  headers['content-length'] = String(Buffer.byteLength(content.bytes))
  if (content.packed) headers['content-encoding'] = 'gzip'
  return headers
}

async function collect (reply: IncomingMessage): Promise<string> {
  const stream = reply.headers['content-encoding'] === 'gzip' ? reply.pipe(createGunzip()) : reply
  const chunks: Buffer[] = []
  let bytes = 0
  // A connection that breaks within a packed reply ends the pipe only through this.
  if (stream !== reply) reply.on('error', failure => stream.destroy(failure))
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_REPLY_BYTES) throw new Error('the reply is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
