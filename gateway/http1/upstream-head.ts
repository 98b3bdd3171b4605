/** The head that goes to the instance: the client's lines as they came, with what this hop adds and leaves out. */
import type { Loop } from '../loop.ts'
import type { HttpExchange } from './exchange.ts'

const DEADLINE = 'x-request-deadline-ms'

/** Written as one text, so that head and body can leave in one write. */
export function upstreamHead (x: HttpExchange, loop: Loop): string {
  const { lines } = x.head
  const forwarded = x.client.peer.forwardedLines(x)
  const hostLine = x.upstreamHost === undefined ? x.instance!.hostLine : `host: ${x.upstreamHost}\r\n`
  return `${requestLine(x)}${hostLine}${lines.write()}${forwarded}` +
    `${lines.edited ? loop.idLinesBeside(x) : x.idLines}${deadlineLine(x, loop)}${framing(x)}\r\n`
}

/** How long this try may still take, for a service that passes it on (the starter does): nobody works for nobody. */
function deadlineLine (x: HttpExchange, loop: Loop): string {
  if (x.totalDeadlineMs === Infinity || x.head.lines.hasAdded(DEADLINE)) return ''
  return `${DEADLINE}: ${Math.max(0, Math.round(x.totalDeadlineMs - loop.clock.now()))}\r\n`
}

/** Untouched it is forwarded byte for byte; `?` without a query included. */
function requestLine (x: HttpExchange): string {
  if (x.path === x.head.rawPath && x.query === x.head.rawQuery) return x.head.requestLine
  return `${x.method} ${x.query === '' ? x.path : `${x.path}?${x.query}`} HTTP/1.1\r\n`
}

/** Length or chunks, whatever the body is now; nothing for a request that said nothing of a body. */
function framing (x: HttpExchange): string {
  const { body, head } = x
  let lines = ''
  if (body.chunkedOut) lines = 'transfer-encoding: chunked\r\n'
  else if (body.replaced) lines = `content-length: ${body.received}\r\n`
  else if (head.contentLength >= 0) lines = `content-length: ${head.contentLength}\r\n`
  // gRPC servers insist on it (the client can read trailers); everybody else must not see hop-by-hop fields.
  if (head.teTrailers && x.isGrpc) lines += 'te: trailers\r\n'
  return x.wantsUpgrade ? `${lines}connection: upgrade\r\nupgrade: ${head.upgradeProtocol}\r\n` : lines
}

/** Characters that cannot break out of the request line. Filters compose paths from templates and variables. */
export function isWritableTarget (path: string, query: string): boolean {
  return /^\/[!-~]*$/.test(path) && /^[!-~]*$/.test(query)
}
