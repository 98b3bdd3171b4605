/** Fields of HTTP/2 as lines of HTTP/1.1 and back, both ways. Node gives raw fields as name, value, name, value. */
import { FORWARD, type HeaderLines } from '../http1/header-lines.ts'

/** They speak about a connection, which a stream is not (RFC 9113, 8.2.2), or about the framing. */
const NOT_OF_STREAMS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

/** Fields as Node takes them, on a null prototype: `__proto__` is a legal name. Repeated ones are lists. */
export type Fields = Record<string, string | number | string[]>

/**
 * The head of a client's stream as an HTTP/1.1 request, its empty line included. RFC 9113, 8.3.1: `:authority` and
 * Host must agree when both are there; where they do not, two Host lines make the strict parser refuse it.
 */
export function requestText (raw: readonly string[], chunked: boolean): string {
  const pseudo: Record<string, string> = {}
  const hosts = new Set<string>()
  const cookies: string[] = []
  let lines = ''
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!
    const value = raw[at + 1]!
    if (name === ':authority' || name === 'host') hosts.add(value)
    else if (name.startsWith(':')) pseudo[name] = value
    else if (name === 'cookie') cookies.push(value)
    else lines += `${name}: ${value}\r\n`
  }
  for (const host of hosts) lines += `host: ${host}\r\n`
  // RFC 9113, 8.2.3: crumbs are one field again where HTTP/1.1 begins.
  if (cookies.length > 0) lines += `cookie: ${cookies.join('; ')}\r\n`
  const framing = chunked ? 'transfer-encoding: chunked\r\n' : ''
  return `${pseudo[':method'] ?? ''} ${pseudo[':path'] ?? ''} HTTP/1.1\r\n${lines}${framing}\r\n`
}

/** All but pseudo fields and the length, as lines; for answers and trailers of an instance, trailers of a client. */
export function fieldLines (raw: readonly string[]): string {
  let lines = ''
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!
    if (!name.startsWith(':') && name !== 'content-length' && !NOT_OF_STREAMS.has(name)) {
      lines += `${name}: ${raw[at + 1]!}\r\n`
    }
  }
  return lines
}

/** What of an answer's head goes on to the client. */
export function fieldsOf (lines: HeaderLines): Fields {
  const fields = Object.create(null) as Fields
  for (const name of lines.names()) {
    const values: string[] = []
    for (let line = 0; line < lines.count; line++) {
      if (lines.fate[line] === FORWARD && lines.nameIs(line, name)) values.push(lines.value(line))
    }
    if (values.length > 0) fields[name] = values.length === 1 ? values[0]! : values
  }
  return fields
}

/** Trailer lines as fields. gRPC's status travels here. */
export function trailersOf (text: string): Fields {
  const fields = Object.create(null) as Fields
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = fields[name]
    fields[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [String(before)]), value]
  }
  return fields
}

/** A request's head on its way to an instance. */
export interface StreamHead {
  readonly method: string
  readonly fields: readonly string[]
  readonly contentLength: number
  readonly chunked: boolean
}

/** Reads back what the gateway wrote, without the empty line. It is our own text: nothing is checked. */
export function streamHead (text: string): StreamHead {
  const lines = text.split('\r\n')
  const [method = '', path = ''] = lines[0]!.split(' ', 2)
  const fields: string[] = []
  let authority = ''
  let contentLength = -1
  let chunked = false
  for (let at = 1; at < lines.length; at++) {
    const line = lines[at]!
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (name === 'host') authority = value
    else if (name === 'content-length') contentLength = Number(value)
    else if (name === 'transfer-encoding') chunked = true
    if (name !== 'host' && !NOT_OF_STREAMS.has(name)) fields.push(name, value)
  }
  return { method, contentLength, chunked, fields: [':method', method, ':path', path, ':authority', authority, ...fields] }
}
