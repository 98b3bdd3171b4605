/**
 * Chunked transfer coding (RFC 9112, 7.1), taken apart byte by byte across any split of the input.
 *
 * The decoder hands out ranges of the buffers it is given; the framing itself is never passed on. What leaves the
 * gateway is framed anew, so extensions, leading zeros and forbidden trailer fields end here.
 */
import { HEX, TOKEN } from './characters.ts'

/** What {@link ChunkedDecoder.next} found. */
export const MORE = 0
export const DATA = 1
export const END = 2
export const FAULT = 3

const MAX_SIZE_DIGITS = 8
/** Of one chunk; no known client sends any. Bounded, or a client could send them for ever without sending data. */
const MAX_EXTENSION_BYTES = 256
const MAX_TRAILER_BYTES = 4096
/** Framing bytes tolerated beyond a fixed share of the data: one-byte chunks with long extensions are an attack. */
const MAX_OVERHEAD_BYTES = 65_536
const OVERHEAD_PER_DATA_BYTE = 16

const SIZE = 0
const SIZE_EXTENSION = 1
const SIZE_LF = 2
const BODY = 3
const BODY_CR = 4
const BODY_LF = 5
const TRAILER = 6
const TRAILER_LF = 7
const DONE = 8

const CR = 13
const LF = 10
const TAB = 9
const SP = 32
const QUOTE = 34
const EQUALS = 61
const BACKSLASH = 92
const DEL = 127
const SEMICOLON = 59
/** Of an extension: a character of the name or value is there; the value has begun. */
const TOKEN_SEEN = 1
const IN_VALUE = 2
const QUOTED = 4
const ESCAPED = 8
/** Behind a quoted value nothing of it may follow. */
const CLOSED = 16

export class ChunkedDecoder {
  /** After DATA: the range of the buffer that is body. After any call: `at` is where to go on. */
  dataStart = 0
  dataEnd = 0
  at = 0
  /** Trailer lines as received, each with its CRLF; validated when the body ends. */
  trailers = ''
  private state = SIZE
  private size = 0
  private digits = 0
  private extension = 0
  private inExtension = 0
  private overhead = 0
  private total = 0

  reset (): void {
    this.state = SIZE
    this.size = 0
    this.digits = 0
    this.extension = 0
    this.inExtension = 0
    this.overhead = 0
    this.total = 0
    this.trailers = ''
  }

  get done (): boolean {
    return this.state === DONE
  }

  /** Reads on from `at` up to `end`. DATA gives one range and wants to be called again. */
  next (buffer: Buffer, at: number, end: number): number {
    this.at = at
    while (this.at < end) {
      if (this.state === BODY) return this.body(end)
      if (!this.frame(buffer[this.at++]!)) return FAULT
      if (this.state === DONE) return END
    }
    return MORE
  }

  private body (end: number): number {
    this.dataStart = this.at
    this.dataEnd = Math.min(end, this.at + this.size)
    const length = this.dataEnd - this.at
    this.size -= length
    this.total += length
    this.at = this.dataEnd
    if (this.size === 0) this.state = BODY_CR
    return DATA
  }

  /** One byte of framing; false when it has no place here. */
  private frame (byte: number): boolean {
    if (++this.overhead > MAX_OVERHEAD_BYTES + this.total * OVERHEAD_PER_DATA_BYTE) return false
    switch (this.state) {
      case SIZE: return this.sizeByte(byte)
      case SIZE_EXTENSION: return this.extensionByte(byte)
      case SIZE_LF: return byte === LF && this.sizeEnd()
      case BODY_CR: this.state = BODY_LF; return byte === CR
      case BODY_LF: this.beginSize(); return byte === LF
      case TRAILER: return this.trailerByte(byte)
      default: return this.trailerLineEnd(byte)
    }
  }

  private beginSize (): void {
    this.state = SIZE
    this.size = 0
    this.digits = 0
    this.extension = 0
    this.inExtension = 0
  }

  private sizeByte (byte: number): boolean {
    const digit = HEX[byte]!
    if (digit < 16) {
      this.size = this.size * 16 + digit
      return ++this.digits <= MAX_SIZE_DIGITS
    }
    if (this.digits === 0) return false
    if (byte === CR) this.state = SIZE_LF
    else if (byte === SEMICOLON) this.state = SIZE_EXTENSION
    else return false
    return true
  }

  /** `;name[=token]` or `;name="text"`, repeated; it goes nowhere. Blanks, which nobody sends, are refused. */
  private extensionByte (byte: number): boolean {
    if (++this.extension > MAX_EXTENSION_BYTES) return false
    if ((this.inExtension & QUOTED) !== 0) return this.quotedByte(byte)
    if (TOKEN[byte] === 1) {
      if ((this.inExtension & CLOSED) !== 0) return false
      this.inExtension |= TOKEN_SEEN
      return true
    }
    if (byte === QUOTE && this.inExtension === IN_VALUE) {
      this.inExtension |= QUOTED
      return true
    }
    // A name or value must have come before whatever ends it.
    const complete = (this.inExtension & TOKEN_SEEN) !== 0
    if (byte === CR) this.state = SIZE_LF
    else if (byte === EQUALS && this.inExtension === TOKEN_SEEN) this.inExtension = IN_VALUE
    else if (byte === SEMICOLON) this.inExtension = 0
    else return false
    return complete
  }

  /** A line's end within quotes is a line's end to others: no control character is text, escaped or not. */
  private quotedByte (byte: number): boolean {
    if ((byte < SP && byte !== TAB) || byte === DEL) return false
    if ((this.inExtension & ESCAPED) !== 0) this.inExtension &= ~ESCAPED
    else if (byte === BACKSLASH) this.inExtension |= ESCAPED
    else if (byte === QUOTE) this.inExtension = IN_VALUE | TOKEN_SEEN | CLOSED
    return true
  }

  private sizeEnd (): boolean {
    this.state = this.size === 0 ? TRAILER : BODY
    return true
  }

  private trailerByte (byte: number): boolean {
    if (byte === CR) this.state = TRAILER_LF
    else if (byte === LF || byte === 0) return false
    else this.trailers += String.fromCharCode(byte)
    return this.trailers.length <= MAX_TRAILER_BYTES
  }

  private trailerLineEnd (byte: number): boolean {
    if (byte !== LF) return false
    if (this.trailers === '' || this.trailers.endsWith('\r\n')) this.state = DONE
    else {
      this.trailers += '\r\n'
      this.state = TRAILER
    }
    return true
  }
}
