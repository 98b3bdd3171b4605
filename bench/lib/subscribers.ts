/**
 * Many readers of the push stream in one process: notes when each of them hears of each instance.
 * Told `{ url, index, count }`, it says `ready` when all are connected and answers `report` with the arrival times.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'

interface Order { readonly url: string, readonly index: string, readonly count: number }

/** Arrival times by instance id, one a reader, in milliseconds since 1970. */
export type Arrivals = Record<string, number[]>

/** The readers as the benchmark holds them. */
export class Subscribers {
  readonly #child: ChildProcess

  private constructor (child: ChildProcess) {
    this.#child = child
  }

  static async connect (url: string, index: string, count: number): Promise<Subscribers> {
    const child = fork(import.meta.filename, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    child.send({ url, index, count } satisfies Order)
    await once(child, 'message')
    return new Subscribers(child)
  }

  async arrivals (): Promise<Arrivals> {
    this.#child.send('report')
    const [arrivals] = await once(this.#child, 'message') as [Arrivals]
    return arrivals
  }

  close (): void {
    this.#child.kill('SIGKILL')
  }
}

function read ({ url, index, count }: Order): void {
  const { hostname, port, host } = new URL(url)
  const arrivals: Arrivals = {}
  // One buffer for all: a new one of 64 KiB for every read made the readers three times as late as what they measure.
  const buffer = Buffer.alloc(64 * 1024)
  let connected = 0
  for (let i = 0; i < count; i++) {
    let isFirst = true
    const callback = (length: number): boolean => {
      const now = performance.timeOrigin + performance.now()
      if (isFirst && ++connected === count) process.send?.('ready')
      isFirst = false
      for (const [, id] of buffer.toString('latin1', 0, length).matchAll(/"instanceId":"(push-\d+)"/g)) (arrivals[id!] ??= []).push(now)
      return true
    }
    const socket = net.connect({ host: hostname, port: Number(port), onread: { buffer, callback } })
    socket.write(`GET /eureka/stream?index=${index} HTTP/1.1\r\nhost: ${host}\r\naccept: text/event-stream\r\n\r\n`)
  }
  process.on('message', message => { if (message === 'report') process.send?.(arrivals) })
}

if (process.argv[1] === import.meta.filename && process.send !== undefined) {
  process.once('message', (order: Order) => read(order))
}
