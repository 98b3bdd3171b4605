/** One try of a call on one instance: sent, answered whole, or failed in one of four ways. */
import { request } from '../http/undici.ts'
import type { Dispatcher } from 'undici'
import type { Endpoint } from './endpoints.ts'

/** What was asked, ready to be sent any number of times. */
export interface PreparedCall {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: string | Buffer | undefined
  readonly maxBodyBytes: number
  /** The caller's own wish to stop. */
  readonly signal: AbortSignal | undefined
}

export interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: Buffer
}

/**
 * `connect`: nothing was sent. `reset`: the connection broke. `timeout`: no whole answer in time. `too-large`: the
 * answer is beyond the bound. `abort`: the caller gave up, or asked for what cannot be sent.
 */
export type FailureKind = 'connect' | 'reset' | 'timeout' | 'too-large' | 'abort'

/** Why a try gave no answer. */
export class AttemptFailure extends Error {
  readonly kind: FailureKind

  constructor (kind: FailureKind, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.kind = kind
  }
}

const CONNECT_CODES = new Set(['E_DESTINATION', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT', 'ERR_TLS_CERT_ALTNAME_INVALID', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'CERT_HAS_EXPIRED'])

const TOO_LARGE = new Error('answer too large')
const TIMED_OUT = new Error('timed out')

/** Sends the call; rejects with AttemptFailure. The deadline covers the body too: a trickle is no answer. */
export async function attempt (
  endpoint: Endpoint, call: PreparedCall, timeoutMs: number, dispatcher: Dispatcher
): Promise<Answer> {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(TIMED_OUT), timeoutMs)
  const giveUp = (): void => abort.abort(call.signal?.reason)
  if (call.signal?.aborted === true) giveUp()
  call.signal?.addEventListener('abort', giveUp, { once: true })
  endpoint.active++
  try {
    const response = await request(endpoint.origin + call.path, {
      dispatcher,
      method: call.method,
      headers: call.headers,
      body: call.body ?? null,
      signal: abort.signal
    })
    const body = await readBody(response.body, call.maxBodyBytes)
    return { status: response.statusCode, headers: response.headers, body }
  } catch (failure) {
    throw new AttemptFailure(kindOf(failure, abort.signal), failure)
  } finally {
    endpoint.active--
    clearTimeout(timer)
    call.signal?.removeEventListener('abort', giveUp)
  }
}

async function readBody (body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let total = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    total += chunk.length
    // Leaving the loop destroys the stream, and with it the connection.
    if (total > maxBytes) throw TOO_LARGE
    chunks.push(chunk)
  }
  return chunks.length === 1 ? chunks[0] as Buffer : Buffer.concat(chunks)
}

function kindOf (failure: unknown, signal: AbortSignal): FailureKind {
  if (failure === TOO_LARGE) return 'too-large'
  if (signal.aborted) return signal.reason === TIMED_OUT ? 'timeout' : 'abort'
  const code = (failure as NodeJS.ErrnoException).code ?? ''
  if (CONNECT_CODES.has(code)) return 'connect'
  // A header that is none, a body of the wrong type: no instance is to blame.
  if (code === 'UND_ERR_INVALID_ARG' || failure instanceof TypeError) return 'abort'
  return code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT' ? 'timeout' : 'reset'
}
