/**
 * A server that answers every question of every adapter wrongly, each kind of wrong once for each kind of question:
 * HTTP refusals and failures, bytes that are no protocol, a cut connection. It remembers what it was told.
 */
import { once } from 'node:events'
import net from 'node:net'
import type { AddressInfo } from 'node:net'

const STATUSES = [401, 403, 400, 429, 500]
const WAYS = STATUSES.length + 3

export class HostileServer {
  readonly port: number
  readonly #server: net.Server
  readonly #sockets = new Set<net.Socket>()
  /** By the question's kind: how many were answered. */
  readonly #asked = new Map<string, number>()
  /** All of it. */
  heard = ''
  /** As `performance.now()` tells it; Infinity: never yet. */
  firstAskedAt = Infinity

  private constructor (server: net.Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', socket => this.#serve(socket))
  }

  static async listen (): Promise<HostileServer> {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new HostileServer(server)
  }

  /** Whether every kind of question met every kind of wrong answer. */
  get done (): boolean {
    return this.#asked.size > 0 && [...this.#asked.values()].every(count => count >= WAYS)
  }

  get kinds (): string[] {
    return [...this.#asked.keys()]
  }

  /** From now on connections are refused. */
  close (): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #serve (socket: net.Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
    socket.on('data', bytes => {
      const text = bytes.toString('latin1')
      this.heard += text
      this.firstAskedAt = Math.min(this.firstAskedAt, performance.now())
      const kind = /^[A-Z]+ (\/[^/?]*(?:\/[^/?]*)?)/.exec(text)?.[1] ?? (text.startsWith('*') ? 'redis' : 'other')
      const count = this.#asked.get(kind) ?? 0
      this.#asked.set(kind, count + 1)
      answer(socket, kind, count % WAYS)
    })
  }
}

function answer (socket: net.Socket, kind: string, way: number): void {
  if (way === WAYS - 1) socket.destroy()
  else if (way === WAYS - 2) socket.end('\x00\xffnonsense\r\n\r\n')
  else if (way === WAYS - 3) socket.end(kind === 'redis' ? '$5\r\nab' : 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nnonsense!')
  else if (kind === 'redis') socket.end('-WRONGPASS invalid username-password pair or user is disabled.\r\n')
  else socket.end(`HTTP/1.1 ${STATUSES[way]} No\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n\r\nRefuse`)
}
