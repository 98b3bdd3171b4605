/**
 * A load generator on plain sockets, run as a process of its own: every connection sends the next request when the
 * answer to the last is complete. It costs a fraction of what it measures, on any machine, with nothing installed.
 *
 *     const result = await runLoad({ url, connections: 32, seconds: 5, requests })
 *
 * `requests` are sent in turn, over and over, or once each when `once` is set.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'

/** One request, complete but for the host. */
export interface LoadRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Load {
  readonly url: string
  readonly connections: number
  /** How long it goes on; with `once` the longest that it may. */
  readonly seconds: number
  readonly requests: readonly LoadRequest[]
  readonly once?: boolean
}

export interface LoadResult {
  readonly count: number
  readonly errors: number
  readonly seconds: number
  readonly bytes: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Runs a load in a process of its own. */
export async function runLoad (load: Load): Promise<LoadResult> {
  const child = fork(import.meta.filename, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  child.send(load)
  const [result] = await once(child, 'message') as [LoadResult]
  await once(child, 'exit')
  return result
}

type Done = (ms: number, status: number, bytes: number) => void

class Connection {
  readonly #socket: net.Socket
  readonly #next: () => Buffer | undefined
  readonly #done: Done
  #left = 0
  #head = ''
  #status = 0
  #bytes = 0
  #sentAt = 0
  readonly ended: Promise<void>

  constructor (port: number, host: string, next: () => Buffer | undefined, done: Done) {
    this.#next = next
    this.#done = done
    this.#socket = net.connect({ port, host, noDelay: true }, () => this.#send())
    this.#socket.on('data', chunk => this.#take(chunk as Buffer))
    this.ended = new Promise(resolve => this.#socket.on('close', () => resolve()).on('error', () => resolve()))
  }

  #send (): void {
    const request = this.#next()
    if (request === undefined) {
      this.#socket.destroy()
      return
    }
    this.#sentAt = performance.now()
    this.#socket.write(request)
  }

  #take (chunk: Buffer): void {
    this.#bytes += chunk.length
    if (this.#left > 0) this.#left -= chunk.length
    else {
      this.#head += chunk.toString('latin1', 0, 4096)
      const end = this.#head.indexOf('\r\n\r\n')
      if (end < 0) return
      this.#status = Number(this.#head.slice(9, 12))
      this.#left = Number(/content-length: (\d+)/i.exec(this.#head)?.[1] ?? 0) - (this.#bytes - end - 4)
    }
    if (this.#left > 0) return
    this.#done(performance.now() - this.#sentAt, this.#status, this.#bytes)
    this.#left = this.#bytes = 0
    this.#head = ''
    this.#send()
  }
}

async function generate ({ url, connections, seconds, requests, once: single = false }: Load): Promise<LoadResult> {
  const { hostname, port, host } = new URL(url)
  const encoded = requests.map(request => encode(request, host))
  const times: number[] = []
  let [errors, bytes, at] = [0, 0, 0]
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1000
  const next = (): Buffer | undefined => {
    if (performance.now() >= endsAt || (single && at >= encoded.length)) return undefined
    return encoded[at++ % encoded.length]
  }
  const done = (ms: number, status: number, length: number): void => {
    times.push(ms)
    bytes += length
    if (status < 200 || status > 299) errors++
  }
  const all = Array.from({ length: connections }, () => new Connection(Number(port), hostname, next, done))
  await Promise.all(all.map(connection => connection.ended))
  const elapsed = (performance.now() - startedAt) / 1000
  times.sort((a, b) => a - b)
  const quantile = (share: number): number => times[Math.floor((times.length - 1) * share)] ?? Number.NaN
  return { count: times.length, errors, seconds: elapsed, bytes, p50Ms: quantile(0.5), p99Ms: quantile(0.99) }
}

function encode ({ method, path, headers = {}, body = '' }: LoadRequest, host: string): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${host}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)]
  if (method !== 'GET') lines.push(`content-length: ${Buffer.byteLength(body)}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

if (process.argv[1] === import.meta.filename && process.send !== undefined) {
  process.once('message', (load: Load) => {
    void generate(load).then(result => process.send?.(result, () => process.disconnect?.()))
  })
}
