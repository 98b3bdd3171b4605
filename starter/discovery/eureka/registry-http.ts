/** Calls to registry servers: small requests with deadlines and bounded answers, and the one long-lived stream. */
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { Agent, request } from 'undici'
import type { Dispatcher } from 'undici'
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

export interface RegistryHttpOptions {
  readonly connectTimeoutMs: number
  readonly readTimeoutMs: number
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
  readonly #readTimeoutMs: number

  constructor (options: RegistryHttpOptions) {
    this.#readTimeoutMs = options.readTimeoutMs
    this.#agent = new Agent({
      connect: { timeout: options.connectTimeoutMs },
      bodyTimeout: options.silenceMs ?? SILENCE_MS,
      headersTimeout: options.readTimeoutMs,
      // A renewal on a connection that the server just closed would fail for nothing.
      keepAliveTimeout: 4_000
    })
  }

  /** One call, whole answer; rejects on connection trouble, time-out or an oversized reply, never on a status. */
  async call (server: ServerUrl, path: string, call: RegistryCall = {}): Promise<RegistryReply> {
    const { method = 'GET', body, timeoutMs, signal } = call
    const deadline = AbortSignal.timeout(timeoutMs ?? this.#readTimeoutMs)
    const response = await request(new URL(path, server.url), {
      dispatcher: this.#agent,
      method,
      headers: headersOf(server, body),
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
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
        ...(server.authorization === undefined ? {} : { authorization: server.authorization }),
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId })
      },
      signal
    })
  }

  /** Ends all connections, the stream's too. */
  async close (): Promise<void> {
    await this.#agent.destroy()
  }
}

function headersOf (server: ServerUrl, body: string | undefined): Record<string, string> {
  return {
    accept: 'application/json',
    'accept-encoding': 'gzip',
    ...(server.authorization === undefined ? {} : { authorization: server.authorization }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' })
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
