/** One call to the bus's process on a kept-alive connection, with a deadline; JSON both ways. */
import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { messagingError } from '../../errors.ts'

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Added to the deadline: how long the bus itself may wait before it answers. */
  readonly waitMs?: number
}

export interface Calls {
  readonly call: (method: string, path: string, body?: unknown, options?: CallOptions) => Promise<unknown>
  readonly close: () => void
}

/** Rejects with E_BUS_DOWN whatever went wrong. */
export function callsTo (url: string, timeoutMs: number): Calls {
  const { protocol, hostname, port, pathname } = new URL(url)
  const { Agent, request } = protocol === 'https:' ? https : http
  const agent = new Agent({ keepAlive: true })
  // http takes an IPv6 address without the brackets that a URL needs.
  const host = { hostname: hostname.replace(/^\[|\]$/g, ''), ...(port === '' ? {} : { port }) }
  const base = pathname.replace(/\/$/, '')
  const once = (method: string, path: string, text: string | undefined, { signal, waitMs = 0 }: CallOptions) =>
    new Promise<string>((resolve, reject) => {
      const sent = request({ agent, ...host, method, path: base + path, ...(signal === undefined ? {} : { signal }),
        ...(text === undefined ? {} : { headers: {
          'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } }) })
      const deadline = setTimeout(() => { sent.destroy(new Error('it took too long')) }, timeoutMs + waitMs)
      const fail = (error: Error): void => {
        clearTimeout(deadline)
        reject(error)
      }
      sent.once('error', error => { fail(asReused(error, sent)) })
      sent.once('response', response => {
        read(response).then(answer => {
          clearTimeout(deadline)
          resolve(answer)
        }, fail)
      })
      sent.end(text)
    })
  return {
    call: async (method, path, body, options = {}) => {
      const text = body === undefined ? undefined : JSON.stringify(body)
      try {
        // A kept connection may have been closed in the moment in which it was taken: that is no news of the bus.
        // Everything that is asked of the bus may be asked twice.
        const answer = await once(method, path, text, options).catch((error: unknown) => {
          if (error instanceof ReusedError) return once(method, path, text, options)
          throw error
        })
        return JSON.parse(answer) as unknown
      } catch (cause) {
        throw messagingError('E_BUS_DOWN', [url, cause instanceof Error ? cause.message : String(cause)],
          { where: `${method} ${path}`, cause })
      }
    },
    close: () => { agent.destroy() }
  }
}

class ReusedError extends Error {}

function asReused (error: Error, sent: ClientRequest): Error {
  const reset = 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
  return reset && sent.reusedSocket ? new ReusedError(error.message, { cause: error }) : error
}

async function read (response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8')
  let text = ''
  for await (const chunk of response) text += String(chunk)
  const status = response.statusCode ?? 0
  if (status < 200 || status > 299) throw new Error(`${status} ${text.slice(0, 300)}`)
  return text
}
