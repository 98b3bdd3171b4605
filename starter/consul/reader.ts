/**
 * Reads from Consul over few connections. The library writes for us (agent, checks, maintenance) and reads keys; what
 * is followed for hours is read here: the library waits for its time-out when a body is cut, and takes any size.
 */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { consulAgent } from './connection.ts'
import type { ConsulConnection } from './connection.ts'

export interface ConsulAnswer {
  /** `X-Consul-Index` as it came. */
  readonly index: string | undefined
  readonly body: unknown
}

export interface ReadOptions {
  readonly query?: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** The body of what is not there. Without it 404 is a failure. */
  readonly missing?: unknown
}

/** 10,000 entries of two kilobytes. */
const MAX_BYTES = 64 * 1024 * 1024
/** Of a refusal: its reason, not a page of HTML. */
const MAX_REASON = 200

/** See the head of this file. */
export class ConsulReader {
  readonly #connection: ConsulConnection
  readonly #agent: ReturnType<typeof consulAgent>

  constructor (connection: ConsulConnection) {
    this.#connection = connection
    this.#agent = consulAgent(connection)
  }

  /** `path` below `/v1`, with its parts encoded. Rejects for anything but 200 with JSON. */
  async get (path: string, { query = {}, timeoutMs, signal, missing }: ReadOptions): Promise<ConsulAnswer> {
    const deadline = AbortSignal.timeout(timeoutMs)
    const response = await this.#send(`/v1${path}?${new URLSearchParams(query).toString()}`, signal === undefined ? deadline : AbortSignal.any([signal, deadline]))
    const text = await textOf(response)
    const isMissing = response.statusCode === 404 && missing !== undefined
    if (response.statusCode !== 200 && !isMissing) throw new ConsulRefusal(response.statusCode ?? 0, text)
    const index = response.headers['x-consul-index']
    return { index: typeof index === 'string' ? index : undefined, body: isMissing ? missing : parse(text) }
  }

  close (): void {
    this.#agent.destroy()
  }

  #send (path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { host, port, secure, token } = this.#connection
    const headers = { accept: 'application/json', ...token !== undefined && { 'x-consul-token': token } }
    const options: RequestOptions = { host, port, path, headers, agent: this.#agent, signal }
    return answered(secure ? httpsRequest(options) : httpRequest(options))
  }
}

/** Consul, or who stands before it, said no. */
class ConsulRefusal extends Error {
  readonly statusCode: number

  constructor (statusCode: number, text: string) {
    super(`${statusCode} ${text.slice(0, MAX_REASON).trim()}`)
    this.name = 'ConsulRefusal'
    this.statusCode = statusCode
  }
}

function answered (request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
    request.end()
  })
}

async function textOf (response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) throw new Error(`an answer above ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** Without the parser's words, which repeat what they stumble over: a value of the store may be a password. */
function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('an answer that is no JSON: is this Consul?')
  }
}
