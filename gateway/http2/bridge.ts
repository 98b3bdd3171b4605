/**
 * One HTTP/2 stream on the HTTP/1.1 road: its request is written as a strict HTTP/1.1 request into an in-memory
 * connection, the answer read back from there. So every rule, filter, limit and counter holds for both versions, and
 * what HTTP/2 framing could smuggle into an HTTP/1.1 upstream meets the same strict parser as everybody else.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import { ChunkedDecoder, DATA, END } from '../http1/chunked.ts'
import { FORWARD } from '../http1/header-lines.ts'
import type { ResponseHead } from '../http1/response-head.ts'

const HEAD = 0
const CHUNKS = 1
const BYTES = 2
const DONE = 3

export class Bridge {
  private readonly stream: ServerHttp2Stream
  private readonly wire: Duplex
  private readonly response: ResponseHead
  private readonly method: string
  private readonly decoder = new ChunkedDecoder()
  private phase = HEAD
  private partial: Buffer = Buffer.alloc(0)
  private left = 0
  private cut = false

  constructor (stream: ServerHttp2Stream, wire: Duplex, response: ResponseHead, method: string) {
    this.stream = stream
    this.wire = wire
    this.response = response
    this.method = method
  }

  /** Sends the head, then the body as it comes. */
  start (head: string, endOfStream: boolean, chunked: boolean): void {
    const { stream, wire } = this
    wire.on('data', (chunk: Buffer) => {
      this.read(chunk)
      if (this.cut) this.lost()
    })
    wire.on('error', () => {})
    stream.on('error', () => {})
    stream.on('close', () => wire.destroy())
    stream.on('drain', () => wire.resume())
    wire.write(head, 'latin1')
    if (!endOfStream) this.upload(chunked)
  }

  private upload (chunked: boolean): void {
    const { stream, wire } = this
    let trailers = ''
    stream.on('trailers', (fields: IncomingHttpHeaders) => { trailers = fieldLines(fields) })
    stream.on('data', (chunk: Buffer) => {
      if (chunked) wire.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
      const open = wire.write(chunk)
      if (chunked) wire.write('\r\n', 'latin1')
      if (!open) stream.pause()
    })
    wire.on('drain', () => stream.resume())
    // An aborted stream ends too: its end must not look like the end of the body.
    stream.on('end', () => { if (chunked && !stream.aborted) wire.write(`0\r\n${trailers}\r\n`, 'latin1') })
  }

  private read (chunk: Buffer): void {
    let bytes = this.partial.length === 0 ? chunk : Buffer.concat([this.partial, chunk])
    this.partial = Buffer.alloc(0)
    while (this.phase === HEAD && bytes.length > 0) {
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0) {
        this.partial = bytes
        return
      }
      this.takeHead(bytes, end + 4)
      bytes = bytes.subarray(end + 4)
    }
    if (bytes.length > 0) this.takeBody(bytes)
  }

  /** What the gateway writes is well formed: a head that does not parse would be a fault of ours. */
  private takeHead (bytes: Buffer, end: number): void {
    const { response, stream } = this
    if (!response.parse(bytes.toString('latin1', 0, end), 0, end, bytes, 0)) return this.fail()
    const headers: OutgoingHttpHeaders = { ':status': response.status, ...fieldsOf(response) }
    if (response.status < 200) return stream.additionalHeaders(headers)
    const bodiless = !response.hasBody(this.method) || (response.contentLength === 0 && !response.chunked)
    if (response.contentLength >= 0 && response.status !== 204) headers['content-length'] = String(response.contentLength)
    stream.respond(headers, { endStream: bodiless, waitForTrailers: response.chunked })
    this.left = response.contentLength
    this.phase = bodiless ? DONE : response.chunked ? CHUNKS : BYTES
    if (response.chunked) stream.once('wantTrailers', () => this.sendTrailers())
    if (bodiless) this.wire.end()
  }

  private takeBody (bytes: Buffer): void {
    if (this.phase === CHUNKS) return this.takeChunks(bytes)
    if (this.phase !== BYTES) return
    this.left -= bytes.length
    this.write(bytes)
    if (this.left === 0) this.end()
  }

  private takeChunks (bytes: Buffer): void {
    const { decoder } = this
    let found = decoder.next(bytes, 0, bytes.length)
    while (found === DATA) {
      this.write(bytes.subarray(decoder.dataStart, decoder.dataEnd))
      found = decoder.next(bytes, decoder.at, bytes.length)
    }
    if (found === END) this.end()
  }

  private write (bytes: Buffer): void {
    if (!this.stream.write(bytes)) this.wire.pause()
  }

  private end (): void {
    this.phase = DONE
    this.stream.end()
    this.wire.end()
  }

  /** gRPC's status travels here. */
  private sendTrailers (): void {
    const fields: Record<string, string> = {}
    for (const line of this.decoder.trailers.split('\r\n')) {
      const colon = line.indexOf(':')
      if (colon > 0) fields[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
    }
    this.stream.sendTrailers(fields)
  }

  /** The gateway has closed its side: what lies in the wire is still read; an end that is too early is a reset. */
  lost (): void {
    this.cut = true
    if (this.phase !== DONE && this.wire.readableLength === 0) this.fail()
  }

  /** close() would end the stream properly first; a destroyed one is reset with INTERNAL_ERROR. */
  private fail (): void {
    this.phase = DONE
    this.stream.destroy(new Error('the answer was cut short'))
  }
}

/** All fields that go on; names repeat as arrays. */
function fieldsOf ({ lines }: ResponseHead): Record<string, string | string[]> {
  const fields = Object.create(null) as Record<string, string | string[]>
  for (const name of lines.names()) {
    const values: string[] = []
    for (let line = 0; line < lines.count; line++) {
      if (lines.fate[line] === FORWARD && lines.nameIs(line, name)) values.push(lines.value(line))
    }
    if (values.length > 0) fields[name] = values.length === 1 ? values[0]! : values
  }
  return fields
}

/** Fields of a request as HTTP/1.1 lines; pseudo fields and Host are for the caller. Cookie crumbs are joined again. */
export function fieldLines (headers: IncomingHttpHeaders): string {
  let lines = ''
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':') || name === 'host') continue
    for (const one of Array.isArray(value) ? value : [value]) lines += `${name}: ${one}\r\n`
  }
  return lines
}
