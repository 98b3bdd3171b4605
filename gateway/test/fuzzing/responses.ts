/** Our response parser against Node's. */
import { request, type IncomingMessage } from 'node:http'
import { duplexPair } from 'node:stream'
import { ChunkedDecoder, DATA, END } from '../../http1/chunked.ts'
import { DroppedFields } from '../../http1/dropped-fields.ts'
import { ResponseHead } from '../../http1/response-head.ts'
import { forwardableTrailers } from '../../http1/trailers.ts'
import { mutate, pick, type Random } from './random.ts'

interface Understood { readonly status: number, readonly headers: string, readonly body: string }

export const RESPONSE_SEEDS: readonly string[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello',
  'HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\nX: y\r\n\r\n',
  'HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nuntil the end',
  'HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=5\r\nConnection: keep-alive\r\n\r\n',
  'HTTP/1.1 302 \r\nLocation: /x\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX: \xe4\r\nContent-Length: 2\r\nConnection: X\r\n\r\nok'
]

const head = new ResponseHead({ maxHeaders: 1000 }, new DroppedFields([]))

/** The final answer that we would pass on with the bytes it takes, or undefined. */
function ours (bytes: Buffer): { readonly answer: Understood, readonly length: number } | undefined {
  const text = bytes.toString('latin1')
  let start = 0
  for (;;) {
    const end = text.indexOf('\r\n\r\n', start)
    if (end < 0 || !head.parse(text, start, end + 4, bytes, 0) || head.status === 101) return undefined
    start = end + 4
    if (head.status >= 200) break
  }
  const found = bodyOf(bytes, start)
  if (found === undefined) return undefined
  return { answer: { status: head.status, headers: headerText(), body: found.body }, length: found.end }
}

interface Body { readonly body: string, readonly end: number }

function bodyOf (bytes: Buffer, start: number): Body | undefined {
  if (!head.hasBody('GET')) return { body: '', end: start }
  if (head.chunked) return dechunk(bytes, start)
  const end = head.contentLength < 0 ? bytes.length : start + head.contentLength
  return bytes.length < end ? undefined : { body: bytes.toString('latin1', start, end), end }
}

function dechunk (bytes: Buffer, start: number): Body | undefined {
  const decoder = new ChunkedDecoder()
  let body = ''
  let found = decoder.next(bytes, start, bytes.length)
  for (; found === DATA; found = decoder.next(bytes, decoder.at, bytes.length)) {
    body += bytes.toString('latin1', decoder.dataStart, decoder.dataEnd)
  }
  return found === END && forwardableTrailers(decoder.trailers) !== undefined ? { body, end: decoder.at } : undefined
}

function headerText (): string {
  const { lines } = head
  let text = ''
  for (let line = 0; line < lines.count; line++) text += `${lines.text.slice(lines.lineStart[line], lines.nameEnd[line])}=${lines.value(line)}\n`
  return text
}

async function nodes (bytes: Buffer): Promise<Understood | undefined> {
  const [socket, server] = duplexPair()
  socket.on('error', () => {})
  server.on('error', () => {})
  server.resume()
  try {
    return await new Promise<Understood | undefined>((resolve) => {
      const call = request({ createConnection: () => socket as never, host: 'h' })
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
          const headers = response.rawHeaders.map((part, at) => at % 2 === 0 ? `${part}=` : `${part}\n`).join('').replace(/[ \t]+\n/g, '\n')
          resolve({ status: response.statusCode ?? 0, headers, body })
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

/** Throws when we pass on what Node refuses, or understand it otherwise. */
export async function checkResponse (random: Random): Promise<'both' | 'stricter' | 'neither'> {
  const bytes = Buffer.from(mutate(random, pick(random, RESPONSE_SEEDS)), 'latin1')
  const mine = ours(bytes)
  // Bytes behind the answer are never used by us; Node must find it complete without them, too.
  const theirs = await nodes(bytes.subarray(0, mine?.length))
  const shown = JSON.stringify(bytes.toString('latin1'))
  if (mine === undefined) return theirs === undefined ? 'neither' : 'stricter'
  if (theirs === undefined) throw new Error(`Node refuses what we accept: ${shown}\n${JSON.stringify(mine)}`)
  if (JSON.stringify(mine.answer) !== JSON.stringify(theirs)) {
    throw new Error(`understood differently: ${shown}\nours  ${JSON.stringify(mine)}\nnodes ${JSON.stringify(theirs)}`)
  }
  return 'both'
}
