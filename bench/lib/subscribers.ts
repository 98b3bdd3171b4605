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
  let connected = 0
  for (let i = 0; i < count; i++) {
    const socket = net.connect({ host: hostname, port: Number(port) })
    socket.write(`GET /eureka/stream?index=${index} HTTP/1.1\r\nhost: ${host}\r\naccept: text/event-stream\r\n\r\n`)
    socket.once('data', () => { if (++connected === count) process.send?.('ready') })
    socket.on('data', chunk => {
      const now = performance.timeOrigin + performance.now()
      for (const [, id] of chunk.toString('latin1').matchAll(/"instanceId":"(push-\d+)"/g)) (arrivals[id!] ??= []).push(now)
    })
  }
  process.on('message', message => { if (message === 'report') process.send?.(arrivals) })
}

if (process.argv[1] === import.meta.filename && process.send !== undefined) {
  process.once('message', (order: Order) => read(order))
}
