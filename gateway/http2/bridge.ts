/**
 * One HTTP/2 stream of a client on the HTTP/1.1 road: to the data plane it is a socket. What the client sends is read
 * from it as a strict HTTP/1.1 request, the answer written to it becomes the stream's.
 *
 * So every rule, filter, limit and counter holds for both versions, and what HTTP/2 framing could smuggle into an
 * HTTP/1.1 upstream meets the same strict parser as everybody else.
 */
import { constants, type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { Duplex } from 'node:stream'
import { ChunkedDecoder, DATA, END } from '../http1/chunked.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { fieldLines, fieldsOf, requestText, trailersOf } from './fields.ts'

/** Frames of a session that wait for its client to read. */
const MAX_QUEUED = 64

const HEAD = 0
const CHUNKS = 1
const BYTES = 2
const DONE = 3

export class Bridge extends Duplex {
  private readonly stream: ServerHttp2Stream
  private readonly response: ResponseHead
  private readonly decoder = new ChunkedDecoder()
  private method = ''
  private phase = HEAD
  private partial: Buffer = Buffer.alloc(0)
  private left = 0
  private trailers = ''

  constructor (stream: ServerHttp2Stream, response: ResponseHead) {
    super()
    this.stream = stream
    this.response = response
  }

  /** Gives the head to whoever reads this, then the body as it comes. */
  start (raw: readonly string[], headers: IncomingHttpHeaders, endOfStream: boolean): void {
    const { stream } = this
    this.method = headers[':method'] ?? ''
    // What has neither a length nor an end needs chunks: without them its body would be read as the next request.
    const chunked = !endOfStream && headers['content-length'] === undefined
    stream.on('close', () => this.destroy())
    this.push(requestText(raw, chunked), 'latin1')
    if (!endOfStream) this.upload(chunked)
  }

  private upload (chunked: boolean): void {
    const { stream } = this
    stream.on('trailers', (_fields, _flags, raw: readonly string[] = []) => { this.trailers = fieldLines(raw) })
    stream.on('data', (bytes: Buffer) => {
      if (chunked) this.push(`${bytes.length.toString(16)}\r\n`, 'latin1')
      let room = this.push(bytes)
      if (chunked) room = this.push('\r\n', 'latin1')
      if (!room) stream.pause()
    })
    // An aborted stream ends too: its end must not look like the end of the body.
    stream.on('end', () => { if (chunked && !stream.aborted) this.push(`0\r\n${this.trailers}\r\n`, 'latin1') })
  }

  override _read (): void {
    this.stream.resume()
  }

  /** Done when the stream has let go of the bytes: they may lie in a buffer that is used again then. */
  override _write (chunk: Buffer, _encoding: string, done: () => void): void {
    const rest = this.phase === HEAD ? this.takeHeads(chunk) : chunk
    const pieces = this.phase === CHUNKS ? this.contentOf(rest) : this.phase === BYTES ? this.counted(rest) : []
    this.pass(pieces, done)
  }

  /** What lies behind the final head; interim ones may come first. */
  private takeHeads (chunk: Buffer): Buffer {
    let bytes = this.partial.length === 0 ? chunk : Buffer.concat([this.partial, chunk])
    this.partial = Buffer.alloc(0)
    while (this.phase === HEAD && bytes.length > 0) {
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0) {
        // A copy: the chunk is not ours to keep.
        this.partial = Buffer.from(bytes)
        return bytes.subarray(bytes.length)
      }
      this.takeHead(bytes, end + 4)
      bytes = bytes.subarray(end + 4)
    }
    return bytes
  }

  /** What the gateway writes is well formed: a head that does not parse would be a fault of ours. */
  private takeHead (bytes: Buffer, end: number): void {
    const { response, stream } = this
    if (stream.destroyed || stream.closed) return
    if (!response.parse(bytes.toString('latin1', 0, end), 0, end, bytes, 0)) return this.cut()
    const headers = Object.assign(fieldsOf(response.lines), { ':status': response.status })
    if (response.status < 200) return this.interim(headers)
    const bodiless = !response.hasBody(this.method) || (response.contentLength === 0 && !response.chunked)
    if (response.contentLength >= 0 && response.status !== 204) headers['content-length'] = String(response.contentLength)
    stream.respond(headers, { endStream: bodiless, waitForTrailers: response.chunked })
    this.left = response.contentLength
    this.phase = bodiless ? DONE : response.chunked ? CHUNKS : BYTES
    if (response.chunked) stream.once('wantTrailers', () => this.trail())
    if (bodiless) this.push(null)
  }

  /** Frames of heads know no flow control: a client that does not read them gets on without. */
  private interim (headers: OutgoingHttpHeaders): void {
    const { outboundQueueSize = 0 } = this.stream.session?.state ?? {}
    if (outboundQueueSize < MAX_QUEUED) this.stream.additionalHeaders(headers)
  }

  private counted (bytes: Buffer): Buffer[] {
    this.left -= bytes.length
    if (this.left <= 0) this.phase = DONE
    return [bytes]
  }

  private contentOf (bytes: Buffer): Buffer[] {
    const { decoder } = this
    const found: Buffer[] = []
    let what = decoder.next(bytes, 0, bytes.length)
    while (what === DATA) {
      found.push(bytes.subarray(decoder.dataStart, decoder.dataEnd))
      what = decoder.next(bytes, decoder.at, bytes.length)
    }
    if (what === END) this.phase = DONE
    return found
  }

  /** An empty write ends nothing but is told when all before it is out. */
  private pass (pieces: readonly Buffer[], done: () => void): void {
    const { stream } = this
    const ends = this.phase === DONE && !stream.writableEnded
    if (stream.destroyed || (pieces.length === 0 && !ends)) return done()
    const last = pieces.length - 1
    for (const [at, piece] of pieces.entries()) {
      if (at < last) stream.write(piece)
      else stream.write(piece, () => done())
    }
    if (ends) this.finish()
    if (last < 0) done()
  }

  private finish (): void {
    const { response, stream } = this
    if (!response.chunked) stream.once('finish', () => this.stopUpload())
    stream.end()
    this.push(null)
  }

  /** Node sends them a turn later, and not at all from a stream that was closed by then. */
  private trail (): void {
    this.stream.sendTrailers(trailersOf(this.decoder.trailers))
    setImmediate(() => this.stopUpload())
  }

  /** RFC 9113, 8.1: an upload that goes on behind its answer is asked to stop; nobody would read it. */
  private stopUpload (): void {
    if (!this.stream.readableEnded) this.stream.close(constants.NGHTTP2_NO_ERROR)
  }

  /** The gateway has closed its side: an end that is too early must be seen as a reset. */
  override _destroy (fault: Error | null, done: (fault: Error | null) => void): void {
    if (this.phase !== DONE) this.cut()
    done(fault)
  }

  /** close() would end the stream properly first; a destroyed one is reset with INTERNAL_ERROR. */
  private cut (): void {
    this.phase = DONE
    this.stream.destroy(new Error('the answer was cut short'))
  }
}
