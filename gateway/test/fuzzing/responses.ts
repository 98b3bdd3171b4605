/** Our response road against Node's parser (llhttp): an upstream's bytes in, what reaches the client out. */
import { request, type IncomingMessage } from 'node:http'
import { duplexPair } from 'node:stream'
import { FORBIDDEN } from '../../http1/trailers.ts'
import { clientOf, dismiss, everyPosition, FedPool, fedInstance, loopWith, pieces } from './loopback.ts'
import { mutate, pick, type Random } from './random.ts'

interface Understood {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
}

export const RESPONSE_SEEDS: readonly string[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello',
  'HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\nX: y\r\n\r\n',
  'HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nuntil the end',
  'HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=5\r\nConnection: keep-alive\r\n\r\n',
  'HTTP/1.1 302 \r\nLocation: /x\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX: \xe4\r\nContent-Length: 2\r\nConnection: X\r\n\r\nok',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 7\r\n\r\n'
]

const instance = fedInstance()
const loop = loopWith({
  kind: 'cluster',
  webSocket: false,
  cluster: {
    name: 'fuzz', instances: [instance], budget: { take: () => false, release () {} }, pick: () => instance, report: () => {}
  }
})
const pool = new FedPool(instance, loop)
instance.pool = pool

interface PassedOn {
  /** All that the client was sent. */
  readonly output: Buffer
  /** The answer reached the client whole: not refused with a 502, not cut. */
  readonly whole: boolean
  /** Bytes that were fed when the answer was complete. */
  readonly taken: number
  /** The connection would carry another request. */
  readonly reusable: boolean
}

/** Of a buffer that is overwritten after each piece, as the one that all upstream sockets share. */
const shared = Buffer.alloc(65_536)

function ours (bytes: Buffer, cuts: readonly number[], method: string): PassedOn {
  const one = clientOf(loop)
  one.client.read(Buffer.from(`${method} /x HTTP/1.1\r\nHost: h\r\n\r\n`))
  const connection = pool.connection!
  const { exchange } = one.client
  let taken = 0
  for (const piece of pieces(bytes, cuts)) {
    if (connection.exchange === null) break
    piece.copy(shared)
    connection.read(shared, piece.length)
    shared.fill(0x21, 0, piece.length)
    taken += piece.length
  }
  const reusable = pool.released
  if (connection.exchange !== null) connection.ended()
  if (connection.exchange !== null) breakOff(exchange, connection)
  one.client.outlet.flushNow()
  const whole = exchange.failure === undefined && exchange.answered
  const output = one.socket.written
  dismiss(one)
  return { output, whole, taken, reusable }
}

/** The upstream has closed its socket, as the pool would tell. */
function breakOff (exchange: ReturnType<typeof clientOf>['client']['exchange'], connection: NonNullable<FedPool['connection']>): void {
  connection.exchange = null
  exchange.upstream = null
  loop.gateway.tries.failed(exchange, 'reset', 'closed', connection)
}

async function nodes (bytes: Buffer, method: string): Promise<Understood | undefined> {
  const [socket, server] = duplexPair()
  socket.on('error', () => {})
  server.on('error', () => {})
  server.resume()
  try {
    return await new Promise<Understood | undefined>((resolve) => {
      const call = request({ createConnection: () => socket as never, host: 'h', method })
      let first: IncomingMessage | undefined
      const refused = (): void => { if (first?.complete !== true) resolve(undefined) }
      call.on('error', refused)
      call.on('upgrade', () => resolve(undefined))
      call.on('response', (response) => {
        first = response
        let body = ''
        response.setEncoding('latin1')
        response.on('data', (chunk: string) => { body += chunk })
        response.on('error', refused)
        response.on('close', () => resolve(undefined))
        response.on('end', () => {
          const { statusCode: status = 0, rawHeaders, rawTrailers } = response
          const trailers = fields(rawTrailers, (name) => !FORBIDDEN.test(name))
          resolve({ status, headers: endToEnd(rawHeaders), body, trailers })
        })
      })
      call.on('close', () => { if (first === undefined) resolve(undefined) })
      call.end()
      server.end(bytes)
    })
  } finally {
    socket.destroy()
    server.destroy()
  }
}

const HOP = /^(?:connection|keep-alive|te|trailer|upgrade|proxy-.*|transfer-encoding|content-length|date|x-application-context)$/i

/** What has to reach the client: neither hop-by-hop nor nominated by Connection. */
function endToEnd (raw: readonly string[]): string[] {
  let nominated: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at]!.toLowerCase() === 'connection') nominated = [...nominated, ...raw[at + 1]!.toLowerCase().split(',').map((one) => one.trim())]
  }
  return fields(raw, (name) => !HOP.test(name) && !nominated.includes(name))
}

function fields (raw: readonly string[], wanted: (name: string) => boolean): string[] {
  const lines: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    if (wanted(raw[at]!.toLowerCase())) lines.push(`${raw[at]}=${raw[at + 1]!.replace(/[ \t]+$/, '')}`)
  }
  return lines
}

let count = 0

/** Throws when a client gets as whole what Node refuses or understands otherwise, or when cuts of the input matter. */
export async function checkResponse (random: Random): Promise<'both' | 'stricter' | 'neither'> {
  const bytes = Buffer.from(mutate(random, pick(random, RESPONSE_SEEDS)), 'latin1')
  const method = random() < 0.1 ? 'HEAD' : 'GET'
  const shown = `${method} ${JSON.stringify(bytes.toString('latin1'))}`
  const mine = ours(bytes, everyPosition(bytes), method)
  const theirs = await nodes(bytes.subarray(0, mine.whole ? mine.taken : undefined), method)
  const received = mine.whole ? await nodes(mine.output, method) : undefined
  if (mine.whole && received === undefined) throw new Error(`the client cannot read what we made of ${shown}\n${JSON.stringify(mine.output.toString('latin1'))}`)
  const cut = Math.floor(random() * (bytes.length + 1))
  const ways = [[], [cut], ...(count++ % 32 === 0 ? everyPosition(bytes).map((at) => [at]) : [])]
  for (const cuts of ways) await checkWay(ours(bytes, cuts, method), mine, received, bytes, `${shown} cut at ${cuts.join()}`, method)
  if (received === undefined) return theirs === undefined ? 'neither' : 'stricter'
  if (theirs === undefined) throw new Error(`Node refuses what we pass on: ${shown}\n${JSON.stringify(received)}`)
  if (JSON.stringify(received) !== JSON.stringify(theirs)) {
    throw new Error(`understood differently: ${shown}\nours  ${JSON.stringify(received)}\nnodes ${JSON.stringify(theirs)}`)
  }
  return 'both'
}

/** The chunks on the way out may differ with the pieces on the way in; what the client reads may not. */
async function checkWay (way: PassedOn, mine: PassedOn, received: Understood | undefined, bytes: Buffer, shown: string,
  method: string): Promise<void> {
  if (way.whole !== mine.whole) throw new Error(`whole or not depends on the pieces: ${shown}`)
  if (way.reusable && way.taken > mine.taken) throw new Error(`a connection with bytes behind the answer would be used again: ${shown}`)
  if (mine.whole && mine.taken < bytes.length && way.taken === bytes.length && way.reusable) throw new Error(`used again in spite of more bytes: ${shown}`)
  if (!way.whole || way.output.equals(mine.output)) return
  const other = await nodes(way.output, method)
  if (JSON.stringify(other) !== JSON.stringify(received)) throw new Error(`the client reads something else: ${shown}\n${JSON.stringify(other)}\n${JSON.stringify(received)}`)
}
