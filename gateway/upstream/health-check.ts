/**
 * Asks one instance how it is: GET of its health, in the version of HTTP that its calls are made in, over a connection
 * of its own. A pool that works must not vouch for a server that does not.
 *
 * Servers of gRPC know no GET; the path of gRPC's own health service asks by that (`grpc.health.v1`).
 */
import { get } from 'node:http'
import { connect as connectHttp2, type ClientHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import type { Destinations } from '@breakwater/starter/security'
import { dial, EITHER_HTTP, type Address } from './dial.ts'

const DEADLINE_MS = 2_000

const GRPC_PATH = '/grpc.health.v1.Health/Check'
const GRPC_HEAD = { ':method': 'POST', ':path': GRPC_PATH, 'content-type': 'application/grpc', te: 'trailers' }
/** A message without fields, not compressed: how is the server as a whole? */
const GRPC_QUESTION = Buffer.alloc(5)
/** The only field of the answer is `status`, and SERVING is 1. */
const GRPC_SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 1])

/** Its status; not called when there is no answer. */
type Answered = (status: number) => void

/** True when it answers 2xx in time. `http2`: by ALPN with TLS, by prior knowledge without. */
export function healthCheck (instance: Address, path: string, http2: boolean,
  tls: ConnectionOptions, destinations: Destinations): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial(instance, http2 ? { ...tls, ...EITHER_HTTP } : tls, destinations)
    const deadline = setTimeout(() => socket.destroy(), DEADLINE_MS)
    socket.on('error', () => {})
    socket.once('close', () => {
      clearTimeout(deadline)
      resolve(false)
    })
    const answered: Answered = (status) => {
      resolve(status >= 200 && status < 300)
      socket.destroy()
    }
    socket.once(instance.secure ? 'secureConnect' : 'connect', () => {
      const chosen = http2 && (!instance.secure || (socket as TLSSocket).alpnProtocol === 'h2')
      if (chosen) askHttp2(socket, instance, path, answered)
      else askHttp1(socket, instance, path, answered)
    })
  })
}

function askHttp1 (socket: Socket, { authority }: Address, path: string, answered: Answered): void {
  const options = { createConnection: () => socket, path, headers: { host: authority } }
  get(options, (response) => answered(response.statusCode ?? 0)).on('error', () => socket.destroy())
}

function askHttp2 (socket: Socket, { authority, secure }: Address, path: string, answered: Answered): void {
  const session = connectHttp2(`${secure ? 'https' : 'http'}://${authority}`, {
    createConnection: () => socket, settings: { enablePush: false }
  })
  session.on('error', () => {})
  const stream = session.request(path === GRPC_PATH ? GRPC_HEAD : { ':path': path })
  stream.on('error', () => {})
  stream.on('close', () => session.destroy())
  if (path === GRPC_PATH) askGrpc(stream, answered)
  else stream.on('response', (fields) => answered(Number(fields[':status'])))
}

function askGrpc (stream: ClientHttp2Stream, answered: Answered): void {
  let answer = Buffer.alloc(0)
  stream.on('data', (bytes: Buffer) => {
    answer = Buffer.concat([answer, bytes])
    if (answer.length >= GRPC_SERVING.length) answered(answer.equals(GRPC_SERVING) ? 200 : 503)
  })
  stream.end(GRPC_QUESTION)
}
