/** Calls to registry servers: small requests with deadlines and bounded answers, and the one long-lived stream. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { Agent, request } from '../../http/undici.ts'
import type { Dispatcher } from 'undici'
import type { ClientTls } from '../../security/tls.ts'
import type { ServerUrl } from './server-url.ts'

export interface RegistryReply {
  readonly status: number
  readonly text: string
}

export interface RegistryCall {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly body?: string
  /** Default: the read timeout of the options. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** What a registry that asks for it is shown: a token, a certificate; and whose certificate is trusted. */
export interface RegistryAccess {
  /** Sent as `Authorization: Bearer` where the URL has no credentials; asked at every call, as tokens rotate. */
  readonly token: () => string | undefined
  readonly tls: ClientTls
}

export interface RegistryHttpOptions {
  readonly connectTimeoutMs: number
  readonly readTimeoutMs: number
  readonly access: RegistryAccess
  /** A stream that is silent this long is dead: the registry pings every 15 s. */
  readonly silenceMs?: number
}

/** Replies beyond this, packed or unpacked, are refused: a broken server must not fill the memory of its clients. */
const MAX_REPLY_BYTES = 64 * 1024 * 1024
const SILENCE_MS = 45_000
const unzip = promisify(gunzip)

/** One connection pool to the registry servers. */
export class RegistryHttp {
  readonly #agent: Agent
  readonly #token: () => string | undefined
  readonly #readTimeoutMs: number

  constructor (options: RegistryHttpOptions) {
    this.#token = options.access.token
    this.#readTimeoutMs = options.readTimeoutMs
    this.#agent = new Agent({
      connect: { timeout: options.connectTimeoutMs, ...options.access.tls },
      bodyTimeout: options.silenceMs ?? SILENCE_MS,
      headersTimeout: options.readTimeoutMs,
      // A renewal on a connection that the server just closed would fail for nothing.
      keepAliveTimeout: 4_000
    })
  }

  /** One call, whole answer; rejects on connection trouble, time-out or an oversized reply, never on a status. */
  async call (server: ServerUrl, path: string, call: RegistryCall = {}): Promise<RegistryReply> {
    const { method = 'GET', body, timeoutMs = this.#readTimeoutMs, signal } = call
    const deadline = AbortSignal.timeout(timeoutMs)
    const response = await request(new URL(path, server.url), {
      dispatcher: this.#agent,
      method,
      headers: {
        ...this.#authorization(server),
        accept: 'application/json',
        'accept-encoding': 'gzip',
        ...(body === undefined ? {} : { 'content-type': 'application/json' })
      },
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      // The head of a long poll's answer comes when there is something to tell: long after the usual limit, maybe.
      headersTimeout: timeoutMs,
      ...(body === undefined ? {} : { body })
    })
    const bytes = await readBounded(response.body)
    const packed = response.headers['content-encoding'] === 'gzip' && bytes.length > 0
    const plain = packed ? await unzip(bytes, { maxOutputLength: MAX_REPLY_BYTES }) : bytes
    return { status: response.statusCode, text: plain.toString('utf8') }
  }

  /** Opens the stream; the caller reads `body` to its end or aborts. */
  stream (
    server: ServerUrl, path: string, lastEventId: string | undefined, signal: AbortSignal
  ): Promise<Dispatcher.ResponseData> {
    return request(new URL(path, server.url), {
      dispatcher: this.#agent,
      headers: {
        accept: 'text/event-stream',
        ...this.#authorization(server),
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId })
      },
      signal
    })
  }

  #authorization (server: ServerUrl): { authorization?: string } {
    if (server.authorization !== undefined) return { authorization: server.authorization }
    const token = this.#token()
    return token === undefined ? {} : { authorization: `Bearer ${token}` }
  }

  /** Ends all connections, the stream's too. */
  async close (): Promise<void> {
    await this.#agent.destroy()
  }
}

async function readBounded (body: Dispatcher.ResponseData['body']): Promise<Buffer> {
  const chunks: Buffer[] = []
  let total = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    total += chunk.length
    if (total > MAX_REPLY_BYTES) throw new RangeError(`reply larger than ${MAX_REPLY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
