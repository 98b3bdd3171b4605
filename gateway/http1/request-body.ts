/**
 * The body of one request on its way through: taken apart as the client framed it, put together as the upstream gets
 * it, and held back only while it can still be needed (no connection yet, or a retry could replay it).
 */
import type { BufferPool } from './buffer-pool.ts'
import { ChunkedDecoder, DATA, END, FAULT } from './chunked.ts'
import { forwardableTrailers } from './trailers.ts'

/** A piece ready to be written: text (latin1) when small. */
export type Piece = string | Buffer

const SMALL_BYTES = 8_192

/** An answered upload with less than this to come is read to its end; a longer one costs the client its connection. */
export const MAX_REST_BYTES = 1_048_576

/** What {@link RequestBody.consume} found wrong. */
export const BODY_OK = 0
export const BODY_FAULT = 400
export const BODY_TOO_LARGE = 413

export class RequestBody {
  /** The client has sent all of it. */
  done = true
  /** Bytes of content received, framing not counted. */
  received = 0
  /** Position in the last consumed buffer behind the last byte that belonged to the body. */
  at = 0
  /** The content is no longer what the client sent. */
  replaced = false
  /** Written upstream with chunked framing. */
  chunkedOut = false
  /** Pieces not yet written to the current upstream. */
  readonly pending: Piece[] = []
  pendingBytes = 0
  /** Pieces written that a retry would write again; meaningless once `replayable` is false. */
  readonly sent: Piece[] = []
  sentBytes = 0
  replayable = true
  /** Content is wanted whole and unframed (a transformation, a local handler). */
  collecting = false
  /** Content is read only to get past it. */
  discarding = false
  left = 0
  private chunkedIn = false
  private readonly decoder = new ChunkedDecoder()
  private readonly buffers: BufferPool

  constructor (buffers: BufferPool) {
    this.buffers = buffers
  }

  begin (contentLength: number, chunked: boolean): void {
    this.chunkedIn = chunked
    this.chunkedOut = chunked
    this.left = contentLength > 0 ? contentLength : 0
    this.done = !chunked && this.left === 0
    this.received = 0
    this.collecting = false
    this.discarding = false
    this.replaced = false
    this.clearHeld()
    if (chunked) this.decoder.reset()
  }

  private clearHeld (): void {
    this.replayable = true
    this.pendingBytes = 0
    this.sentBytes = 0
    if (this.pending.length > 0) this.pending.length = 0
    if (this.sent.length > 0) this.sent.length = 0
  }

  /**
   * Takes what belongs to the body from `buffer`, which stays the caller's; `maxBytes` 0 = no limit. Returns BODY_OK or
   * a status.
   */
  consume (buffer: Buffer, at: number, maxBytes: number): number {
    this.at = at
    const fault = this.chunkedIn ? this.consumeChunked(buffer, at) : this.consumeLength(buffer, at)
    if (fault !== BODY_OK) return fault
    return maxBytes > 0 && this.received > maxBytes ? BODY_TOO_LARGE : BODY_OK
  }

  private consumeLength (buffer: Buffer, at: number): number {
    const end = Math.min(buffer.length, at + this.left)
    this.left -= end - at
    this.at = end
    if (end > at) this.take(buffer, at, end)
    if (this.left === 0) this.done = true
    return BODY_OK
  }

  private consumeChunked (buffer: Buffer, at: number): number {
    const decoder = this.decoder
    let found = decoder.next(buffer, at, buffer.length)
    while (found === DATA) {
      this.take(buffer, decoder.dataStart, decoder.dataEnd)
      found = decoder.next(buffer, decoder.at, buffer.length)
    }
    this.at = decoder.at
    if (found === FAULT) return BODY_FAULT
    return found === END ? this.endChunked(decoder.trailers) : BODY_OK
  }

  private endChunked (received: string): number {
    const trailers = forwardableTrailers(received)
    if (trailers === undefined) return BODY_FAULT
    this.done = true
    if (!this.collecting && !this.discarding) this.push(`0\r\n${trailers}\r\n`)
    return BODY_OK
  }

  private take (buffer: Buffer, start: number, end: number): void {
    this.received += end - start
    if (this.discarding) return
    const framed = this.chunkedOut && !this.collecting
    if (end - start <= SMALL_BYTES) {
      const text = buffer.toString('latin1', start, end)
      this.push(framed ? `${text.length.toString(16)}\r\n${text}\r\n` : text)
      return
    }
    if (framed) this.push(`${(end - start).toString(16)}\r\n`)
    this.push(this.buffers.copy(buffer, start, end))
    if (framed) this.push('\r\n')
  }

  private push (piece: Piece): void {
    this.pending.push(piece)
    this.pendingBytes += piece.length
  }

  /** Everything collected, as one buffer; the pieces are let go. */
  takeCollected (): Buffer {
    const parts = this.pending.map((piece) => typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
    this.clearHeld()
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  /** Puts `content` in place of what the client sent; from here on it is written with Content-Length. */
  replaceWith (content: Buffer): void {
    this.clearHeld()
    this.chunkedOut = false
    this.collecting = false
    this.replaced = true
    this.received = content.length
    if (content.length > 0) this.push(content)
  }

  /** Would the pending pieces stay for a replay once they are written? Not when what is to come will be too much. */
  keepsWithin (keepBytes: number): boolean {
    return this.replayable && this.sentBytes + this.pendingBytes + this.left <= keepBytes
  }

  /** Marks all pending pieces as written; they stay for a replay while the body does not exceed `keepBytes`. */
  written (keepBytes: number): void {
    if (this.pending.length === 0) return
    if (this.keepsWithin(keepBytes)) {
      for (const piece of this.pending) this.sent.push(piece)
      this.sentBytes += this.pendingBytes
    } else {
      this.replayable = false
      this.sent.length = 0
      this.sentBytes = 0
    }
    this.pending.length = 0
    this.pendingBytes = 0
  }

  /** Makes everything pending again, for the next try. */
  rewind (): void {
    if (this.sent.length === 0) return
    this.pending.unshift(...this.sent)
    this.pendingBytes += this.sentBytes
    this.sent.length = 0
    this.sentBytes = 0
  }

  /** What is still to come is known, and little. */
  get restIsShort (): boolean {
    return !this.chunkedIn && this.left <= MAX_REST_BYTES
  }

  discard (): void {
    this.discarding = true
    this.pending.length = 0
    this.sent.length = 0
    this.pendingBytes = 0
    this.sentBytes = 0
    this.replayable = false
  }
}
