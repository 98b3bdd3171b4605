/**
 * One exchange with an instance that speaks HTTP/2, as the data plane sees it: a connection that speaks HTTP/1.1. The
 * request's bytes are read back into a stream's head and data, the stream's answer is written as strict HTTP/1.1.
 *
 * So the tries, deadlines, breakers and counters are those of every instance, and what an instance could put into an
 * HTTP/2 field to be understood otherwise on the way down meets the same strict parser. It carries one exchange, since
 * streams are cheap and are not used again.
 */
import { constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { ChunkedDecoder, DATA, END } from '../http1/chunked.ts'
import { reasonOf } from '../http1/reply.ts'
import { MAX_INTERIM_BYTES } from '../http1/response-head.ts'
import { fieldLines, streamHead, trailersOf, type StreamHead } from './fields.ts'

const HEAD = 0
const LENGTH = 1
const CHUNKS = 2
const SENT = 3

/** Node's callbacks get them as name, value, name, value; its types do not know yet. */
type RawFields = readonly string[]

/** A session that many share. */
export interface Carrier {
  readonly session: ClientHttp2Session
  /** Streams so far. */
  carried: number
  /** Those of them that were given up. */
  resets: number
}

export class Wire extends Duplex {
  /** The instance has said that it has not looked at the request: it may be sent again (RFC 9113, 8.7). */
  refused = false
  /** Others went over the session before: that it fails now may be its age. */
  warm = false
  private carrier: Carrier | undefined = undefined
  /** Of an instance that speaks HTTP/1.1 after all. */
  private socket: Socket | undefined = undefined
  private stream: ClientHttp2Stream | undefined = undefined
  private phase = HEAD
  private head = ''
  private left = 0
  private readonly decoder = new ChunkedDecoder()
  private isHead = false
  private chunked = false
  private trailers = ''
  private answered = false
  private interimBytes = 0

  /** The session is there: what is written goes into a stream of it. */
  begin (carrier: Carrier): void {
    this.carrier = carrier
    this.warm = carrier.carried > 1
    this.emit('connect')
  }

  /** The instance chose HTTP/1.1: bytes pass as they are, in as many exchanges as it likes. */
  splice (socket: Socket): void {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => { if (!this.push(bytes)) socket.pause() })
    socket.on('end', () => this.push(null))
    let fault: Error | null = null
    socket.on('error', (cause) => { fault = cause })
    socket.on('close', () => this.destroy(fault ?? undefined))
    this.emit('connect')
  }

  override _write (chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.socket !== undefined) return this.pass(this.socket, chunk, done)
    const rest = this.phase === HEAD ? this.takeHead(chunk) : chunk
    if (rest !== undefined) this.takeBody(rest)
    if (this.stream?.writableNeedDrain === true) this.stream.once('drain', done)
    else done()
  }

  private pass (socket: Socket, chunk: Buffer, done: () => void): void {
    if (socket.write(chunk) || socket.destroyed) done()
    else socket.once('drain', done)
  }

  /** What of the chunk lies behind the head; undefined while the head is not complete. */
  private takeHead (chunk: Buffer): Buffer | undefined {
    const before = this.head.length
    this.head += chunk.toString('latin1')
    const end = this.head.indexOf('\r\n\r\n')
    if (end < 0) return undefined
    const head = streamHead(this.head.slice(0, end))
    this.head = ''
    this.isHead = head.method === 'HEAD'
    this.left = head.contentLength
    this.phase = head.chunked ? CHUNKS : head.contentLength > 0 ? LENGTH : SENT
    this.open(head)
    return chunk.subarray(end + 4 - before)
  }

  private open (head: StreamHead): void {
    const stream = this.request(head)
    if (stream === undefined) return
    this.stream = stream
    stream.on('headers', (fields, _flags, raw?: RawFields) => this.interim(fields, raw ?? []))
    stream.on('response', (fields, flags, raw?: RawFields) => this.answer(fields, flags, raw ?? []))
    stream.on('data', (bytes: Buffer) => this.content(bytes))
    stream.on('trailers', (_fields, _flags, raw?: RawFields) => { this.trailers = fieldLines(raw ?? []) })
    stream.on('end', () => this.ended(stream))
    stream.on('error', () => {})
    stream.on('close', () => this.closedWith(stream.rstCode ?? 0))
  }

  /** A session that has closed meanwhile takes nothing: that is a refusal, too. */
  private request (head: StreamHead): ClientHttp2Stream | undefined {
    try {
      const options = { endStream: this.phase === SENT, waitForTrailers: head.chunked }
      return this.carrier!.session.request(head.fields as never, options)
    } catch (fault) {
      this.refused = true
      this.destroy(fault as Error)
      return undefined
    }
  }

  private takeBody (bytes: Buffer): void {
    const { stream } = this
    if (stream === undefined || stream.destroyed || bytes.length === 0) return
    if (this.phase === CHUNKS) return this.takeChunks(stream, bytes)
    if (this.phase !== LENGTH) return
    this.left -= bytes.length
    stream.write(bytes)
    if (this.left <= 0) this.sent(stream)
  }

  private takeChunks (stream: ClientHttp2Stream, bytes: Buffer): void {
    const { decoder } = this
    let found = decoder.next(bytes, 0, bytes.length)
    while (found === DATA) {
      stream.write(bytes.subarray(decoder.dataStart, decoder.dataEnd))
      found = decoder.next(bytes, decoder.at, bytes.length)
    }
    if (found !== END) return
    const { trailers } = decoder
    // Without a listener Node ends the stream by itself.
    if (trailers !== '') stream.once('wantTrailers', () => stream.sendTrailers(trailersOf(trailers)))
    this.sent(stream)
  }

  private sent (stream: ClientHttp2Stream): void {
    this.phase = SENT
    stream.end()
  }

  /** Heads know no flow control: whoever reads them may have stopped, and is not asked how many there are. */
  private interim (fields: IncomingHttpHeaders, raw: RawFields): void {
    const status = Number(fields[':status'])
    const head = `HTTP/1.1 ${status} ${reasonOf(status)}\r\n${fieldLines(raw)}\r\n`
    this.interimBytes += head.length
    if (this.interimBytes <= MAX_INTERIM_BYTES) this.push(head, 'latin1')
    else this.destroy(new Error('the upstream sent interim answers without end'))
  }

  private answer (fields: IncomingHttpHeaders, flags: number, raw: RawFields): void {
    const status = Number(fields[':status'])
    const whole = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
    const bodiless = this.isHead || status === 204 || status === 304
    const length = fields['content-length']
    // Trailers need chunks: with a length there is no place for them in HTTP/1.1.
    const sized = length !== undefined && !String(fields['content-type']).startsWith('application/grpc')
    this.chunked = !whole && !bodiless && !sized
    const framing = this.chunked ? 'transfer-encoding: chunked\r\n'
      : sized ? `content-length: ${length}\r\n` : whole && !bodiless ? 'content-length: 0\r\n' : ''
    this.answered = whole
    this.push(`HTTP/1.1 ${status} ${reasonOf(status)}\r\n${fieldLines(raw)}${framing}connection: close\r\n\r\n`, 'latin1')
  }

  private content (bytes: Buffer): void {
    if (this.chunked) this.push(`${bytes.length.toString(16)}\r\n`, 'latin1')
    let room = this.push(bytes)
    if (this.chunked) room = this.push('\r\n', 'latin1')
    if (!room) this.stream!.pause()
  }

  /** A stream that was reset ends, too: its end must not look like the end of the answer. */
  private ended (stream: ClientHttp2Stream): void {
    if ((stream.rstCode ?? 0) !== 0 || stream.aborted) return
    this.answered = true
    if (this.chunked) this.push(`0\r\n${this.trailers}\r\n`, 'latin1')
  }

  private closedWith (code: number): void {
    this.refused = code === constants.NGHTTP2_REFUSED_STREAM
    if (!this.answered) this.destroy(new Error(this.refused ? 'the stream was refused' : `the stream was reset (${code})`))
  }

  override _read (): void {
    this.stream?.resume()
    this.socket?.resume()
  }

  override _destroy (fault: Error | null, done: (fault: Error | null) => void): void {
    const { socket, stream } = this
    // In a turn of its own: Node ends the process when a stream that may bring trailers is closed while it reads.
    if (stream !== undefined && !stream.destroyed) setImmediate(() => this.reset(stream))
    socket?.destroy()
    done(fault)
  }

  private reset (stream: ClientHttp2Stream): void {
    if (stream.closed) return
    this.carrier!.resets++
    stream.close(constants.NGHTTP2_CANCEL)
  }
}
