/**
 * The instance behind the gateway: writes down every request that reaches it, and misbehaves where a path asks for it.
 * Its parser is Node's strict one, so that what it reads is what a careful service would read.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** Told by the witness as the answer of a service that knows who asked. */
export const SECRET = 'S3CR3T-of-the-instance'
/** A client that never reads must not fill the witness either. */
const INTERIMS_AT_ONCE = 50

export class Witness {
  /** Method, target, fields and body of each request, in one text each. */
  readonly heard: string[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor () {
    this.#server = createServer({ maxHeaderSize: 1024 * 1024 }, this.take)
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {})
    })
    this.#server.on('upgrade', (request, socket) => {
      this.heard.push(`${headOf(request)}\n`)
      socket.on('error', () => {}).end(request.url?.includes('taken') === true ? REFUSED_ACCEPT : ORDINARY)
    })
    // A request that no careful parser reads: what arrived is told whole, so that whoever looks for its mark finds it.
    this.#server.on('clientError', (failure: Error & { rawPacket?: Buffer }, socket) => {
      this.heard.push(`MALFORMED ${failure.rawPacket?.toString('latin1') ?? ''}`)
      socket.destroy()
    })
  }

  /** What is asked of the others is written down, too. */
  readonly take = (request: IncomingMessage, response: ServerResponse): void => { this.#take(request, response) }

  async listen (): Promise<number> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  close (): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #take (request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => {})
    response.on('error', () => {})
    const at = this.heard.push(headOf(request)) - 1
    request.on('end', () => {
      this.heard[at] += `\n\n${Buffer.concat(chunks).toString('latin1')}`
      answer(request, response)
    })
  }
}

const BODY = JSON.stringify({ id: 1, secret: SECRET })
const ORDINARY = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n' +
  `Content-Length: ${BODY.length}\r\n\r\n${BODY}`
const REFUSED_ACCEPT = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
  `Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n${SECRET}`

function headOf ({ method, url, rawHeaders }: IncomingMessage): string {
  const fields = rawHeaders.flatMap((name, at) => at % 2 === 0 ? [`${name.toLowerCase()}: ${rawHeaders[at + 1] ?? ''}`] : [])
  return [`${method} ${url}`, ...fields].join('\n')
}

function answer (request: IncomingMessage, response: ServerResponse): void {
  const url = request.url ?? ''
  if (url.includes('endless-interims')) return endlessInterims(request, response)
  if (url.includes('split-field')) return raw(response, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: 1\rX-Split: yes\r\n\r\n')
  if (url.includes('two-lengths')) return raw(response, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\nok')
  if (url.includes('both-framings')) {
    return raw(response, 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n')
  }
  if (url.includes('many-fields')) return raw(response, `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${'X-A: 1\r\n'.repeat(20_000)}\r\n`)
  response.setHeader('content-type', 'application/json')
  response.setHeader('cache-control', 'max-age=60')
  response.end(JSON.stringify({
    id: 1, secret: SECRET, key: request.headers['x-api-key'], from: request.headers['authorization'], cookie: request.headers.cookie
  }))
}

function raw (response: ServerResponse, bytes: string): void {
  response.socket?.end(bytes, 'latin1')
}

function endlessInterims (request: IncomingMessage, response: ServerResponse): void {
  const more = (): void => {
    if (request.socket.destroyed || response.destroyed) return
    for (let at = 0; at < INTERIMS_AT_ONCE; at++) response.writeEarlyHints({ link: '</x>; rel=preload' })
    setTimeout(more, 1)
  }
  more()
}
