/** One call to the bus's process on a kept-alive connection, with a deadline; JSON both ways. */
import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { messagingError } from '../../errors.ts'
import { IDENTITY_HEADER } from './identity.ts'
import { MAX_ANSWER_BYTES } from './limits.ts'

/** What was to be so is not (RFC 9110, 15.5.13): another bus is there than the one that is meant. */
const RENEWED = 412

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Added to the deadline: how long the bus itself may wait before it answers. */
  readonly waitMs?: number
}

export interface Calls {
  /** A text is JSON already. */
  readonly call: (method: string, path: string, body?: unknown, options?: CallOptions) => Promise<unknown>
  readonly close: () => void
}

/**
 * A call rejects with E_BUS_REFUSED or E_BUS_NOT_YET when the bus is there and does not take this, ever or now; with
 * E_STALE_RECEIPT; with E_BUS_RENEWED when it is not the bus that answered before, which takes nothing then, and calls
 * `onRenewed`; and with E_BUS_DOWN for all else.
 */
export function callsTo (url: string, timeoutMs: number, onRenewed: () => void): Calls {
  const { protocol, hostname, port, pathname, username, password } = new URL(url)
  const { Agent, request } = protocol === 'https:' ? https : http
  const agent = new Agent({ keepAlive: true })
  // http takes an IPv6 address without the brackets that a URL needs.
  const host = { hostname: hostname.replace(/^\[|\]$/g, ''), ...(port === '' ? {} : { port }) }
  const base = pathname.replace(/\/$/, '')
  const credentials = username === '' ? {} : { authorization: basicOf(username, password) }
  let known: string | undefined
  /** The bus says who it is with each answer, and is told whom one means. */
  const meet = ({ headers, statusCode }: IncomingMessage): void => {
    const identity = headers[IDENTITY_HEADER]
    if (typeof identity !== 'string' || identity === known) return
    known = identity
    if (statusCode === RENEWED) onRenewed()
  }
  const meant = () => known === undefined ? {} : { [IDENTITY_HEADER]: known }
  const once = (method: string, path: string, text: string | undefined, { signal, waitMs = 0 }: CallOptions) =>
    new Promise<string>((resolve, reject) => {
      const content = text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
      const headers = { ...credentials, ...content, ...meant() }
      const sent = request({ agent, ...host, method, path: base + path, headers,
        ...(signal === undefined ? {} : { signal }) })
      const deadline = setTimeout(() => { sent.destroy(new Error('it took too long')) }, timeoutMs + waitMs)
      const fail = (error: Error): void => {
        clearTimeout(deadline)
        reject(error)
      }
      sent.once('error', error => { fail(asReused(error, sent)) })
      sent.once('response', response => {
        meet(response)
        read(response).then(answer => {
          clearTimeout(deadline)
          resolve(answer)
        }, fail)
      })
      sent.end(text)
    })
  return {
    call: async (method, path, body, options = {}) => {
      const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
      try {
        // A kept connection may have been closed in the moment in which it was taken: that is no news of the bus.
        // Everything that is asked of the bus may be asked twice.
        const answer = await once(method, path, text, options).catch((error: unknown) => {
          if (error instanceof ReusedError) return once(method, path, text, options)
          throw error
        })
        return JSON.parse(answer) as unknown
      } catch (cause) {
        throw callError(cause, withoutCredentials(url), `${method} ${path}`)
      }
    },
    close: () => { agent.destroy() }
  }
}

/** The URL as it may be shown. */
export function withoutCredentials (url: string): string {
  const shown = new URL(url)
  if (shown.username === '' && shown.password === '') return url
  shown.username = shown.password = ''
  return shown.href.replace(/\/$/, '')
}

function basicOf (username: string, password: string): string {
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

class ReusedError extends Error {}

function asReused (error: Error, sent: ClientRequest): Error {
  const reset = 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
  return reset && sent.reusedSocket ? new ReusedError(error.message, { cause: error }) : error
}

/** An answer that is no success. */
class Answer extends Error {
  readonly status: number

  constructor (status: number, text: string) {
    super(`${status} ${text.slice(0, 300)}`)
    this.status = status
  }
}

const CODES: Readonly<Record<number, 'E_BUS_REFUSED' | 'E_BUS_NOT_YET' | 'E_BUS_RENEWED' | 'E_STALE_RECEIPT'>> = {
  400: 'E_BUS_REFUSED', 413: 'E_BUS_REFUSED', 414: 'E_BUS_REFUSED', 422: 'E_BUS_REFUSED', 409: 'E_STALE_RECEIPT',
  [RENEWED]: 'E_BUS_RENEWED', 500: 'E_BUS_NOT_YET'
}

function callError (cause: unknown, url: string, where: string): Error {
  const text = cause instanceof Error ? cause.message : String(cause)
  const code = cause instanceof Answer ? CODES[cause.status] : undefined
  return code === undefined
    ? messagingError('E_BUS_DOWN', [url, text], { where, cause })
    : messagingError(code, [text], { where, cause })
}

async function read (response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8')
  let text = ''
  for await (const chunk of response) {
    text += String(chunk)
    if (text.length > MAX_ANSWER_BYTES) throw new Error('its answer has no end')
  }
  const status = response.statusCode ?? 0
  if (status < 200 || status > 299) throw new Answer(status, text)
  return text
}
