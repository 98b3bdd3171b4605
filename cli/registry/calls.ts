/** What `breakwater registry` asks a registry. */
import { error } from '../errors.ts'

export interface Target {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
}

interface Call {
  readonly method?: string
  readonly body?: string
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** Longer than a registry of 50,000 instances takes to send its list. */
const TIMEOUT_MS = 30_000

/** The JSON that is answered; throws E_REGISTRY_CALL with what the registry says of anything but success. */
export async function call<T> (target: Target, path: string, options: Call = {}): Promise<T> {
  const { method = 'GET', body, timeoutMs = TIMEOUT_MS, signal } = options
  const url = new URL(path, target.url)
  const deadline = AbortSignal.timeout(timeoutMs)
  const reply = await fetch(url, {
    method,
    headers: { ...target.headers, accept: 'application/json', ...(body && { 'content-type': 'application/json' }) },
    signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]),
    ...(body && { body })
  }).catch((cause: unknown) => {
    if (signal?.aborted === true) throw cause
    throw error('E_REGISTRY_CALL', [target.url.href, reasonOf(cause)], { cause })
  })
  const text = await reply.text()
  if (!reply.ok) throw error('E_REGISTRY_CALL', [target.url.href, detailOf(reply.status, text)])
  return JSON.parse(text) as T
}

function detailOf (status: number, text: string): string {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown }
    if (typeof detail === 'string') return `${status}: ${detail}`
  } catch {
    // Eureka's refusals have no body.
  }
  return `it answered ${status}`
}

function reasonOf (failure: unknown): string {
  const { cause, message } = failure as { cause?: { code?: string }, message: string }
  return cause?.code ?? message
}
