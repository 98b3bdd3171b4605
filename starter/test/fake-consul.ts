/** A Consul that answers as a test says, also what no Consul would; it counts questions and connections. */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export type Answer = (response: ServerResponse, url: URL) => void

/** 200 with an index. */
export function indexed (index: number | string, body: unknown): Answer {
  return response => {
    response.setHeader('x-consul-index', index)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(body))
  }
}

/** An entry of `health/service/NAME`. */
export function entry (id: string, port = 80): object {
  return { Node: { Node: 'n', Address: '127.0.0.1' }, Service: { ID: id, Address: '127.0.0.1', Port: port }, Checks: [] }
}

export interface FakeConsul {
  readonly port: number
  /** Questions by path. */
  readonly asked: Map<string, number>
  readonly bodies: Array<{ method: string, path: string, body: string }>
  /** Connections that are open now, and the most that were at once. */
  readonly sockets: ReadonlySet<Socket>
  readonly mostSockets: () => number
  close (): void
}

/** `answer` says what a question gets; undefined keeps it open, as Consul does when nothing changed. */
export async function fakeConsul (
  answer: (url: URL, nth: number, request: IncomingMessage) => Answer | undefined
): Promise<FakeConsul> {
  const asked = new Map<string, number>()
  const bodies: FakeConsul['bodies'] = []
  const sockets = new Set<Socket>()
  let most = 0
  const server = createServer((request, response) => {
    const url = new URL(request.url?.replaceAll('%2F', '/') ?? '', 'http://consul')
    const nth = (asked.get(url.pathname) ?? 0) + 1
    asked.set(url.pathname, nth)
    let body = ''
    request.on('data', (chunk: Buffer) => { body += chunk.toString() })
    request.on('end', () => {
      bodies.push({ method: request.method ?? '', path: request.url ?? '', body })
      answer(url, nth, request)?.(response, url)
    })
  })
  server.on('connection', socket => {
    sockets.add(socket)
    most = Math.max(most, sockets.size)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    bodies,
    sockets,
    mostSockets: () => most,
    close: () => {
      server.close()
      server.closeAllConnections()
    }
  }
}

/** What may come instead of an answer; each of them ended a watch somewhere. */
export const ODD: Readonly<Record<string, Answer>> = {
  400: response => { response.writeHead(400).end('Bad request') },
  403: response => { response.writeHead(403).end('Permission denied') },
  429: response => { response.writeHead(429).end('Your IP is issuing too many concurrent connections') },
  500: response => { response.writeHead(500).end('No cluster leader') },
  'a page of a proxy': response => { response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Maintenance</h1>') },
  'a list without an index': response => { response.writeHead(200, { 'content-type': 'application/json' }).end('[]') },
  'index 0': indexed(0, []),
  'an index that is no number': indexed('soon', []),
  'an index below zero': indexed(-4, []),
  'no JSON': response => { response.writeHead(200, { 'content-type': 'application/json', 'x-consul-index': '30' }).end('[{') },
  'another type': indexed(30, 'hello'),
  null: indexed(30, null),
  'a cut body': response => {
    response.writeHead(200, { 'content-type': 'application/json', 'x-consul-index': '30', 'content-length': '100' }).write('[')
    setTimeout(() => response.destroy(), 5)
  },
  'a cut connection': response => { response.destroy() }
}
