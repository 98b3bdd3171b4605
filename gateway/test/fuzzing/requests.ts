/** Our request parser against Node's: one request's bytes in, what each makes of them out. */
import { createServer, type IncomingMessage } from 'node:http'
import { duplexPair } from 'node:stream'
import { DATA_PLANE_DEFAULTS } from '../../data-plane-options.ts'
import { DroppedFields } from '../../http1/dropped-fields.ts'
import { RequestBody } from '../../http1/request-body.ts'
import { RequestHead } from '../../http1/request-head.ts'
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
  'GET http://h/a HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX-Obs: \xe4\xf6\r\n\r\n'
]

const head = new RequestHead({ ...DATA_PLANE_DEFAULTS.limits, maxHeaders: 1000 }, false, new DroppedFields([]))

/** What we make of it, with the input cut into two at `cut`; undefined: refused or not complete. */
export function ours (bytes: Buffer, cut: number): Understood | undefined {
  const text = bytes.toString('latin1')
  const start = text.startsWith('\r\n') ? 2 : 0
  const end = text.indexOf('\r\n\r\n', start)
  if (end < 0 || head.parse(text, start, end + 4, bytes, 0) !== 0) return undefined
  const body = new RequestBody()
  body.begin(head.contentLength, head.chunked)
  body.collecting = true
  const middle = Math.max(end + 4, Math.min(cut, bytes.length))
  if (!body.done && body.consume(bytes.subarray(0, middle), end + 4, 0) !== 0) return undefined
  if (!body.done && body.consume(bytes, middle, 0) !== 0) return undefined
  if (!body.done) return undefined
  return { method: head.method, target: head.rawTarget, headers: headerText(), body: body.takeCollected().toString('latin1') }
}

function headerText (): string {
  const { lines } = head
  let text = ''
  for (let line = 0; line < lines.count; line++) {
    text += `${lines.text.slice(lines.lineStart[line], lines.nameEnd[line])}=${lines.value(line)}\n`
  }
  return text
}

/** What Node makes of it, strict as by default. */
export async function nodes (bytes: Buffer): Promise<Understood | undefined> {
  const server = createServer({ requireHostHeader: true })
  const [client, socket] = duplexPair()
  client.on('error', () => {})
  socket.on('error', () => {})
  client.resume()
  try {
    return await new Promise<Understood | undefined>((resolve) => {
      // What follows a complete request may be broken: that is the next request's fault.
      let first: IncomingMessage | undefined
      const refused = (): void => { if (first?.complete !== true) resolve(undefined) }
      server.on('clientError', refused)
      for (const event of ['connect', 'upgrade', 'checkExpectation', 'dropRequest']) server.on(event, () => resolve(undefined))
      server.on('checkContinue', (request, response) => server.emit('request', request, response))
      server.on('request', (request) => {
        if (first !== undefined) return
        first = request
        let body = ''
        request.setEncoding('latin1')
        request.on('data', (chunk: string) => { body += chunk })
        request.on('error', refused)
        request.on('end', () => {
          const { rawHeaders } = request
          const headers = rawHeaders.map((part, at) => at % 2 === 0 ? `${part}=` : `${part}\n`).join('')
          // Node keeps trailing blanks of values; that is what OWS means, and no server behind reads them.
          const trimmed = headers.replace(/[ \t]+\n/g, '\n')
          resolve({ method: request.method ?? '', target: request.url ?? '', headers: trimmed, body })
        })
      })
      server.emit('connection', socket)
      client.end(bytes)
      socket.on('close', refused)
    })
  } finally {
    client.destroy()
    socket.destroy()
  }
}

/** Throws when we accept what Node refuses, or understand it otherwise, or when where the input is cut matters. */
export async function checkRequest (random: Random): Promise<'both' | 'stricter' | 'neither'> {
  const bytes = Buffer.from(mutate(random, pick(random, REQUEST_SEEDS)), 'latin1')
  const cut = Math.floor(random() * (bytes.length + 1))
  const mine = ours(bytes, bytes.length)
  const cutMine = ours(bytes, cut)
  const shown = JSON.stringify(bytes.toString('latin1'))
  if (JSON.stringify(mine) !== JSON.stringify(cutMine)) throw new Error(`cut at ${cut} it is another request: ${shown}`)
  const theirs = await nodes(bytes)
  if (mine === undefined) return theirs === undefined ? 'neither' : 'stricter'
  if (theirs === undefined) throw new Error(`Node refuses what we accept: ${shown}\n${JSON.stringify(mine)}`)
  const origin = theirs.target.replace(/^https?:\/\/[^/?]+(?=\/)/i, '').replace(/^https?:\/\/[^/?]+/i, '/')
  const shared: Understood = { ...theirs, target: origin }
  if (JSON.stringify(mine) !== JSON.stringify(shared)) throw new Error(`understood differently: ${shown}\nours  ${JSON.stringify(mine)}\nnodes ${JSON.stringify(theirs)}`)
  return 'both'
}
