/** Request and trace ids from a pool of random bytes: one system call for hundreds of requests. */
import { randomFillSync } from 'node:crypto'

/** `traceparent: 00-<trace>-<span>-01`, with its line end: 32 and 16 random hex digits. */
const TEMPLATE = `traceparent: 00-${'0'.repeat(32)}-${'0'.repeat(16)}-01\r\n`
const TRACE_AT = TEMPLATE.indexOf('00-') + 3
const SPAN_AT = TRACE_AT + 33
const LINES = 256
const RANDOM_BYTES_PER_LINE = 24
const DIGITS = Buffer.from('0123456789abcdef')

export class IdPool {
  private readonly random = Buffer.allocUnsafeSlow(LINES * RANDOM_BYTES_PER_LINE)
  /** The lines are made together and cut out of one text: made for each request they would cost many times that. */
  private readonly bytes = Buffer.alloc(LINES * TEMPLATE.length, TEMPLATE, 'latin1')
  private text = ''
  private at = 0
  private readonly fill: (bytes: Buffer) => unknown

  constructor (fill: (bytes: Buffer) => unknown = (bytes) => randomFillSync(bytes)) {
    this.fill = fill
  }

  /** A whole `traceparent` line, ready to be sent; its trace id also names requests that bring no id. */
  next (): string {
    if (this.at >= this.text.length) this.refill()
    const line = this.text.slice(this.at, this.at + TEMPLATE.length)
    this.at += TEMPLATE.length
    return line
  }

  private refill (): void {
    this.fill(this.random)
    for (let line = 0; line < LINES; line++) {
      const from = line * RANDOM_BYTES_PER_LINE
      this.digits(from, from + 16, line * TEMPLATE.length + TRACE_AT)
      this.digits(from + 16, from + RANDOM_BYTES_PER_LINE, line * TEMPLATE.length + SPAN_AT)
    }
    this.text = this.bytes.toString('latin1')
    this.at = 0
  }

  private digits (from: number, end: number, to: number): void {
    const { bytes, random } = this
    for (let i = from, at = to; i < end; i++) {
      const byte = random[i]!
      bytes[at++] = DIGITS[byte >> 4]!
      bytes[at++] = DIGITS[byte & 15]!
    }
  }
}

export function traceIdOf (traceparentLine: string): string {
  return traceparentLine.slice(TRACE_AT, TRACE_AT + 32)
}

export function spanIdOf (traceparentLine: string): string {
  return traceparentLine.slice(SPAN_AT, SPAN_AT + 16)
}

/** What a client may call its request: anything else could write into logs and is replaced. */
export function isRequestId (text: string): boolean {
  return text.length > 0 && text.length <= 128 && /^[\w.:+/=-]+$/.test(text)
}

/** W3C Trace Context, 3.2: a malformed one is treated as absent. */
export function isTraceparent (text: string): boolean {
  return text.length === 55 && /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(text)
}
