import { Agent, request } from '../http/undici.ts'
import type { ConfigClientOptions, ConfigServerAddress } from './options.ts'

/** Largest answer that is read. */
const MAX_BYTES = 16 * 1024 * 1024

export interface ServerAnswer {
  readonly status: number
  readonly text: string
  readonly etag: string | undefined
}

/** The connections to config servers and registries; one per client, so that closing it ends them all. */
export function createAgent (options: Pick<ConfigClientOptions, 'connectTimeoutMs' | 'readTimeoutMs'>): Agent {
  return new Agent({
    connect: { timeout: options.connectTimeoutMs },
    headersTimeout: options.readTimeoutMs,
    bodyTimeout: options.readTimeoutMs,
    keepAliveTimeout: 4_000
  })
}

/**
 * One GET, read whole; rejects when the server cannot be reached or does not answer in time: in the agent's, or within
 * `headersTimeout` milliseconds.
 */
export async function getText (
  agent: Agent, url: string, headers: Record<string, string>, signal: AbortSignal, headersTimeout?: number
): Promise<ServerAnswer> {
  const response = await request(url, {
    dispatcher: agent, headers, signal, ...(headersTimeout === undefined ? {} : { headersTimeout })
  })
  let text = ''
  const decoder = new TextDecoder()
  let bytes = 0
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) {
      response.body.destroy()
      throw new RangeError(`the answer is larger than ${MAX_BYTES} bytes`)
    }
    text += decoder.decode(chunk, { stream: true })
  }
  const etag = response.headers['etag']
  return { status: response.statusCode, text: text + decoder.decode(), etag: typeof etag === 'string' ? etag : undefined }
}

/** The headers Spring's client sends. */
export function requestHeaders (
  options: ConfigClientOptions, server: ConfigServerAddress, state: string | undefined
): Record<string, string> {
  return {
    'accept': options.mediaType,
    'accept-charset': 'utf-8',
    'x-config-instance': options.instance,
    ...(server.authorization === undefined ? {} : { authorization: server.authorization }),
    ...(options.token === undefined ? {} : { 'x-config-token': options.token }),
    ...(state === undefined ? {} : { 'x-config-state': state }),
    ...options.headers
  }
}

/** `/name/profiles[/label]`; a slash in a label is `(_)`, commas and parentheses stay as they are. */
export function environmentPath (options: ConfigClientOptions, label: string): string {
  const parts = [options.name, options.profile, label].filter((part, index) => index < 2 || part !== '')
  return parts.map(part => `/${encodeURIComponent(part.replaceAll('/', '(_)')).replaceAll('%2C', ',')}`).join('')
}
