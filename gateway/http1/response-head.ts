/**
 * A strict HTTP/1.1 response head. An upstream is trusted no more than a client: a head that two readers could take
 * apart differently is a 502, and its connection is not used again.
 */
import type { UpstreamLimits } from '../data-plane-options.ts'
import { equalsIgnoreCase, FIELD_VALUE, startsWith } from './characters.ts'
import { readConnectionOptions, type ConnectionOptions } from './connection-options.ts'
import type { DroppedFields } from './dropped-fields.ts'
import { HeaderLines, PRIVATE, SCAN_OK } from './header-lines.ts'
import { reasonOf } from './reply.ts'

/** All interim heads before one answer: as much as one head may have. */
export const MAX_INTERIM_BYTES = 65_536

export class ResponseHead implements ConnectionOptions {
  readonly lines = new HeaderLines()
  status = 0
  reason = ''
  http11 = true
  contentLength = -1
  contentLengthLine = -1
  chunked = false
  close = false
  keepAlive = false
  upgrade = false
  nominated: string[] | null = null
  /** Seconds of `Keep-Alive: timeout=`, or -1. */
  keepAliveSeconds = -1
  hasDate = false
  private start = 0
  private readonly maxHeaders: number
  private readonly dropped: DroppedFields

  constructor (limits: Pick<UpstreamLimits, 'maxHeaders'>, dropped: DroppedFields) {
    this.maxHeaders = limits.maxHeaders
    this.dropped = dropped
  }

  /**
   * Parses the head in [start, end) of `text`, its empty line included; the same characters stand in `bytes` from
   * `shift` on. False: not HTTP, or ambiguous.
   */
  parse (text: string, start: number, end: number, bytes: Uint8Array, shift: number): boolean {
    this.reset()
    this.start = start
    const accepted = this.parseLines(text, start, end, bytes, shift)
    this.lines.release()
    return accepted
  }

  private parseLines (text: string, start: number, end: number, bytes: Uint8Array, shift: number): boolean {
    const lineEnd = text.indexOf('\r\n', start)
    if (!this.parseStatusLine(text, bytes, start + shift, lineEnd + shift, shift)) return false
    if (this.lines.scan(text, bytes, shift, lineEnd + 2, end - 2, this.maxHeaders) !== SCAN_OK) return false
    for (let line = 0; line < this.lines.count; line++) {
      if (!this.classify(line)) return false
    }
    this.dropped.markIn(this.lines)
    if (this.nominated !== null) this.dropNominated(this.nominated)
    return !(this.chunked && this.contentLength >= 0)
  }

  private reset (): void {
    this.contentLength = -1
    this.contentLengthLine = -1
    this.chunked = false
    this.close = false
    this.keepAlive = false
    this.upgrade = false
    this.nominated = null
    this.keepAliveSeconds = -1
    this.hasDate = false
  }

  /** How long it was on the wire. */
  get bytes (): number {
    return this.lines.end + 2 - this.start
  }

  /** A head that the gateway made itself. */
  parseText (text: string): boolean {
    return this.parse(text, 0, text.length, Buffer.from(text, 'latin1'), 0)
  }

  /** `HTTP/1.x SP 3DIGIT [SP reason]`; the space before an empty reason may be missing, as servers really do. */
  private parseStatusLine (text: string, bytes: Uint8Array, from: number, end: number, shift: number): boolean {
    if (end - from < 12 || !startsWith(bytes, from, 'HTTP/1.') || bytes[from + 8] !== 32) return false
    const minor = bytes[from + 7]
    if (minor !== 49 && minor !== 48) return false
    this.status = 0
    for (let at = from + 9; at < from + 12; at++) {
      const digit = bytes[at]! - 48
      if (digit < 0 || digit > 9) return false
      this.status = this.status * 10 + digit
    }
    if (this.status < 100 || this.status > 599) return false
    this.http11 = minor === 49
    return this.parseReason(text, bytes, from + 12, end, shift)
  }

  private parseReason (text: string, bytes: Uint8Array, from: number, end: number, shift: number): boolean {
    if (from < end && bytes[from] !== 32) return false
    for (let at = from; at < end; at++) if (FIELD_VALUE[bytes[at]!] === 0) return false
    this.reason = from < end ? text.slice(from + 1 - shift, end - shift) : ''
    return true
  }

  private classify (line: number): boolean {
    const { lines } = this
    switch (lines.nameEnd[line]! - lines.lineStart[line]!) {
      case 2: if (lines.isNamed(line, 'te')) lines.fate[line] = PRIVATE; return true
      case 4: if (lines.isNamed(line, 'date')) this.hasDate = true; return true
      case 7: if (lines.isNamed(line, 'trailer') || lines.isNamed(line, 'upgrade')) lines.fate[line] = PRIVATE; return true
      case 10: return this.connectionOrKeepAlive(line)
      case 14: return this.settingsOrLength(line)
      case 17: return !lines.isNamed(line, 'transfer-encoding') || this.transferEncoding(line)
      case 16: case 18: case 19: if (lines.isPrefixed(line, 'proxy-')) lines.fate[line] = PRIVATE; return true
      default: return true
    }
  }

  private connectionOrKeepAlive (line: number): boolean {
    if (this.lines.isNamed(line, 'connection')) {
      this.lines.fate[line] = PRIVATE
      return readConnectionOptions(this.lines.value(line), this)
    }
    if (this.lines.isNamed(line, 'keep-alive')) {
      this.lines.fate[line] = PRIVATE
      const timeout = /(?:^|[,; ])timeout=(\d{1,6})/i.exec(this.lines.value(line))
      if (timeout !== null) this.keepAliveSeconds = Number(timeout[1])
    }
    return true
  }

  /** RFC 7540, 3.2.1: its settings are about a connection. Node throws when they are put into a stream. */
  private settingsOrLength (line: number): boolean {
    if (this.lines.isNamed(line, 'http2-settings')) this.lines.fate[line] = PRIVATE
    return !this.lines.isNamed(line, 'content-length') || this.contentLengthField(line)
  }

  private contentLengthField (line: number): boolean {
    this.lines.fate[line] = PRIVATE
    if (this.contentLength >= 0 || this.lines.hasTrailingTab(line)) return false
    this.contentLength = this.lines.digits(line)
    this.contentLengthLine = line
    return this.contentLength >= 0
  }

  /** `chunked` alone; any other coding would have to be undone before the next hop, and nobody sends it. */
  private transferEncoding (line: number): boolean {
    this.lines.fate[line] = PRIVATE
    const value = this.lines.value(line)
    if (this.chunked || this.lines.hasTrailingTab(line)) return false
    if (!equalsIgnoreCase(value, 0, value.length, 'chunked')) return false
    // RFC 9112, 6.1: on HTTP/1.0 the field means faulty framing.
    this.chunked = this.http11
    return this.http11
  }

  private dropNominated (names: readonly string[]): void {
    for (let line = 0; line < this.lines.count; line++) {
      if (names.some((name) => this.lines.isNamed(line, name))) this.lines.fate[line] = PRIVATE
    }
  }

  /** Status line and fields for the client; the upstream's own reason phrase unless a filter changed the status. */
  write (status: number): string {
    if (status === this.status && this.http11) return this.lines.write(this.start)
    return `HTTP/1.1 ${status} ${status === this.status ? this.reason : reasonOf(status)}\r\n${this.lines.write()}`
  }

  /** RFC 9110, 6.4.1: these answers end with their head, whatever it says of a length. */
  hasBody (requestMethod: string): boolean {
    return requestMethod !== 'HEAD' && this.status >= 200 && this.status !== 204 && this.status !== 304
  }

  /** May the upstream connection carry another request after this answer? */
  get persistent (): boolean {
    return !this.close && (this.http11 || this.keepAlive)
  }
}
