/** A registry on a free port, and the few HTTP calls that the tests make. */
import { request, type IncomingHttpHeaders } from 'node:http'
import { createDiscovery, type Discovery, type DiscoveryContext, type DiscoveryOptions } from '../../index.ts'
import { rawInstance, type Raw } from './instances.ts'

interface Teardown {
  after: (undo: () => unknown) => unknown
}

export async function startDiscovery (
  t: Teardown, options: Partial<DiscoveryOptions> = {}, context: DiscoveryContext = {}
): Promise<Discovery> {
  const discovery = createDiscovery({ port: 0, ...options }, context)
  await discovery.start()
  t.after(() => discovery.stop())
  return discovery
}

export interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
}

export interface Call {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
}

/** One request whose path goes out as written: fetch would normalise it. */
export function call (base: string, path: string, { method = 'GET', headers = {}, body }: Call = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base)
    const outgoing = request({ hostname, port, path, method, headers, agent: false }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes, text: bytes.toString() })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

export const JSON_ACCEPT = { accept: 'application/json' }
export const JSON_TYPE = { 'content-type': 'application/json' }

/** Registers as a client does. */
export function register (base: string, changes: Raw = {}, headers: Record<string, string> = {}): Promise<Reply> {
  const raw = rawInstance(changes)
  return call(base, `/eureka/apps/${encodeURIComponent(String(raw.app))}`, {
    method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify({ instance: raw })
  })
}

export async function getJson<T> (base: string, path: string, headers: Record<string, string> = {}): Promise<T> {
  const reply = await call(base, path, { headers: { ...JSON_ACCEPT, ...headers } })
  if (reply.status !== 200) throw new Error(`${path}: ${reply.status} ${reply.text}`)
  return JSON.parse(reply.text) as T
}

/** Waits until something is so; the deadline is generous because the machine may be busy. */
export async function until (
  holds: () => boolean | Promise<boolean>, what: string, deadlineMs = 90_000
): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!await holds()) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
