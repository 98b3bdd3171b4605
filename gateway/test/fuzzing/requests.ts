/** Our request road against Node's parser (llhttp): one connection's bytes in, the requests that each executes out. */
import { createServer, type IncomingMessage } from 'node:http'
import { duplexPair, type Duplex } from 'node:stream'
import type { HttpExchange } from '../../http1/exchange.ts'
import type { LocalHandler } from '../../workers/contract.ts'
import { clientOf, dismiss, everyPosition, loopWith, pieces } from './loopback.ts'
import { mutate, pick, type Random } from './random.ts'

export interface Understood {
  readonly method: string
  readonly target: string
  readonly headers: string
  readonly body: string
}

export const REQUEST_SEEDS: readonly string[] = [
  'GET /a?b=c HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: h:80\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello',
  'POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\na;x=y\r\n0123456789\r\n0\r\n\r\n',
  'PUT /a/b/c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n',
  'DELETE /a HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: keep-alive, x\r\nX: y\r\nTE: trailers\r\n\r\n',
  'HEAD / HTTP/1.0\r\nHost: h\r\nConnection: close\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n',
  'GET http://h/a HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX-Obs: \xe4\xf6\r\n\r\n',
  'POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: h\r\n\r\n',
  'POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nyGET /3 HTTP/1.1\r\nHost: h\r\n\r\n',
  'GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nDELETE /2 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok'
]

/** Requests executed by our road, in the order of their answers. */
let executed: Understood[] = []
const recorder: LocalHandler = {
  maxBodyBytes: Number.MAX_SAFE_INTEGER,
  handle (x, body) {
    const { head } = x as HttpExchange
    executed.push({ method: head.method, target: head.rawTarget, headers: headerText(x as HttpExchange), body: body.toString('latin1') })
    return { status: 200, headers: [], body: '' }
  }
}
const loop = loopWith({ kind: 'forward', path: '/fuzz' })
loop.compiler = { compile: () => loop.gateway.table!, local: () => recorder }

interface Executed { readonly requests: readonly Understood[], readonly closing: boolean }

/** What we execute when the bytes come in these pieces, and whether the connection would end with it. */
function ours (bytes: Buffer, cuts: readonly number[]): Executed {
  executed = []
  const one = clientOf(loop)
  for (const piece of pieces(bytes, cuts)) one.client.read(piece)
  const { closing } = one.client
  dismiss(one)
  return { requests: executed, closing }
}

function headerText ({ head: { lines } }: HttpExchange): string {
  let text = ''
  for (let line = 0; line < lines.count; line++) {
    text += `${lines.text.slice(lines.lineStart[line], lines.nameEnd[line])}=${lines.value(line)}\n`
  }
  return text
}

const complete = new WeakMap<Duplex, Understood[]>()
const server = createServer({ requireHostHeader: true }, (request, response) => {
  let body = ''
  request.setEncoding('latin1')
  request.on('data', (chunk: string) => { body += chunk })
  request.on('error', () => {})
  request.on('end', () => {
    complete.get(request.socket)?.push(understood(request, body))
    response.end()
  })
})
server.on('checkContinue', (request, response) => server.emit('request', request, response))
// Otherwise the end of the input aborts requests that are complete but whose end nobody has been told yet.
Object.assign(server, { httpAllowHalfOpen: true })
/** What came whole before is told first. */
const leave = (socket: Duplex): unknown => setImmediate(() => setImmediate(() => socket.destroy()))
for (const event of ['connect', 'upgrade']) server.on(event, (_request: IncomingMessage, socket: Duplex) => leave(socket))
server.on('checkExpectation', (request: IncomingMessage) => leave(request.socket))
server.on('clientError', (_fault, socket) => leave(socket))

/** Node keeps trailing blanks of values; that is what OWS means, and no server behind reads them. */
function understood ({ method = '', url = '', rawHeaders }: IncomingMessage, body: string): Understood {
  const headers = rawHeaders.map((part, at) => at % 2 === 0 ? `${part}=` : `${part}\n`).join('').replace(/[ \t]+\n/g, '\n')
  // We forward what came in absolute form in origin form.
  const target = url.replace(/^https?:\/\/[^/?]+(?=\/)/i, '').replace(/^https?:\/\/[^/?]+/i, '/')
  return { method, target, headers, body }
}

/** What Node executes of it, strict as by default. */
async function nodes (bytes: Buffer): Promise<readonly Understood[]> {
  const [client, socket] = duplexPair()
  const requests: Understood[] = []
  complete.set(socket, requests)
  client.on('error', () => {})
  socket.on('error', () => {})
  client.resume()
  const closed = new Promise((resolve) => socket.once('close', resolve))
  server.emit('connection', socket)
  client.end(bytes)
  await closed
  client.destroy()
  return requests
}

let count = 0

/** Throws when we execute what Node does not, or understand it otherwise, or when where the input is cut matters. */
export async function checkRequest (random: Random): Promise<'both' | 'stricter' | 'neither'> {
  const bytes = Buffer.from(mutate(random, pick(random, REQUEST_SEEDS)), 'latin1')
  const shown = JSON.stringify(bytes.toString('latin1'))
  const mine = ours(bytes, [])
  const cut = Math.floor(random() * (bytes.length + 1))
  // Single bytes and one cut each time; each single cut now and then.
  const ways = [everyPosition(bytes), [cut], ...(count++ % 32 === 0 ? everyPosition(bytes).map((at) => [at]) : [])]
  for (const cuts of ways) {
    const other = ours(bytes, cuts)
    if (JSON.stringify(mine) !== JSON.stringify(other)) {
      throw new Error(`cut at ${cuts.join()} it is something else: ${shown}\nwhole ${JSON.stringify(mine)}\ncut   ${JSON.stringify(other)}`)
    }
  }
  const theirs = await nodes(bytes)
  for (const [at, request] of mine.requests.entries()) {
    const other = theirs[at]
    if (other === undefined) throw new Error(`Node refuses what we execute: ${shown}\n${JSON.stringify(request)}`)
    if (JSON.stringify(request) !== JSON.stringify(other)) {
      throw new Error(`understood differently: ${shown}\nours  ${JSON.stringify(request)}\nnodes ${JSON.stringify(other)}`)
    }
  }
  if (mine.requests.length < theirs.length) return 'stricter'
  return theirs.length > 0 ? 'both' : 'neither'
}
