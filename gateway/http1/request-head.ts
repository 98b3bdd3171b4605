/**
 * A strict HTTP/1.1 request head (RFC 9112), parsed from one latin1 text.
 *
 * Whatever Node's own parser refuses is refused here, and more: every rule below that says "refuse" stands for a
 * request that two servers would read differently. A refused head ends its connection; nothing behind it is read.
 */
import type { ClientLimits } from '../data-plane-options.ts'
import { equalsIgnoreCase, startsWith, TARGET, TOKEN } from './characters.ts'
import { readConnectionOptions, type ConnectionOptions } from './connection-options.ts'
import type { DroppedFields } from './dropped-fields.ts'
import { HeaderLines, PRIVATE, SCAN_OK, SCAN_TOO_MANY } from './header-lines.ts'
import { methodIndex, METHODS } from './methods.ts'
import { isHost, isPlainPath, isSameAuthority, withoutEmptySegments, type PathRules } from './target.ts'
import { dropLookalikes } from './underscores.ts'

export type RequestHeadLimits = Pick<ClientLimits, 'maxHeaders' | 'maxTargetBytes'>

const SP = 32
const SLASH = 47
const VERSION_TEXT = /^HTTP\/[0-9]\.[0-9]$/

export class RequestHead implements ConnectionOptions {
  readonly lines = new HeaderLines()
  method = ''
  methodIndex = 0
  rawPath = ''
  rawQuery = ''
  /** Path and query exactly as they are forwarded when nobody rewrites them. */
  rawTarget = ''
  /** The line that carries them. */
  requestLine = ''
  host = ''
  http11 = true
  /** -1: none given. */
  contentLength = -1
  chunked = false
  close = false
  keepAlive = false
  upgrade = false
  nominated: string[] | null = null
  upgradeProtocol = ''
  expectContinue = false
  teTrailers = false
  requestIdLine = -1
  traceparentLine = -1
  /** `x-request-deadline-ms`: never passed on as it is, the gateway writes what is left of it. */
  deadlineLine = -1
  /** True when a forwarding header (X-Forwarded-*, Forwarded) came with the request. */
  hasForwarded = false
  private hosts = 0
  private absoluteAuthority = ''
  /** Of the absolute form: https. */
  private secure = false
  private readonly limits: RequestHeadLimits
  private readonly paths: PathRules
  private readonly dropped: DroppedFields

  constructor (limits: RequestHeadLimits, paths: PathRules, dropped: DroppedFields) {
    this.limits = limits
    this.paths = paths
    this.dropped = dropped
  }

  /**
   * Parses the head in [start, end) of `text`, its empty line included; the same characters stand in `bytes` from
   * `shift` on. Returns 0, or the status to refuse it with.
   */
  parse (text: string, start: number, end: number, bytes: Uint8Array, shift: number): number {
    this.reset()
    const status = this.parseLines(text, start, end, bytes, shift)
    this.lines.release()
    return status
  }

  private parseLines (text: string, start: number, end: number, bytes: Uint8Array, shift: number): number {
    const lineEnd = text.indexOf('\r\n', start)
    const fault = this.parseRequestLine(text, start, lineEnd, bytes, shift)
    if (fault !== 0) return fault
    const scanned = this.lines.scan(text, bytes, shift, lineEnd + 2, end - 2, this.limits.maxHeaders)
    if (scanned !== SCAN_OK) return scanned === SCAN_TOO_MANY ? 431 : 400
    for (let line = 0; line < this.lines.count; line++) {
      const status = this.classify(line)
      if (status !== 0) return status
    }
    dropLookalikes(this.lines, lineEnd + 2)
    this.dropped.markIn(this.lines)
    return this.judge()
  }

  private reset (): void {
    this.host = ''
    this.contentLength = -1
    this.chunked = false
    this.close = false
    this.keepAlive = false
    this.upgrade = false
    this.nominated = null
    this.upgradeProtocol = ''
    this.expectContinue = false
    this.teTrailers = false
    this.requestIdLine = -1
    this.traceparentLine = -1
    this.deadlineLine = -1
    this.hasForwarded = false
    this.hosts = 0
    this.absoluteAuthority = ''
  }

  /** `METHOD SP target SP HTTP/1.x`: one space each, nothing around them. */
  private parseRequestLine (text: string, start: number, lineEnd: number, bytes: Uint8Array, shift: number): number {
    const from = start + shift
    const end = lineEnd + shift
    let at = from
    while (TOKEN[bytes[at]!] === 1) at++
    if (at === from || bytes[at] !== SP) return 400
    const methodEnd = at++
    const targetFrom = at
    while (TARGET[bytes[at]!] === 1) at++
    if (at === targetFrom || bytes[at] !== SP) return 400
    const minor = bytes[at + 8]
    const isVersion1 = end - at === 9 && startsWith(bytes, at + 1, 'HTTP/1.') && (minor === 48 || minor === 49)
    if (!isVersion1) return versionFault(text.slice(at + 1 - shift, lineEnd))
    this.http11 = minor === 49
    this.methodIndex = methodIndex(text, bytes, from, methodEnd, shift)
    // RFC 9110, 15.6.2: a method that nobody here knows.
    if (this.methodIndex < 0) return text.slice(start, methodEnd - shift) === 'CONNECT' ? 405 : 501
    this.method = METHODS[this.methodIndex]!
    if (at - targetFrom > this.limits.maxTargetBytes) return 414
    const target = text.slice(targetFrom - shift, at - shift)
    const status = this.parseTarget(target, bytes[targetFrom]!)
    const goesOnAsItIs = this.http11 && this.rawTarget === target
    this.requestLine = goesOnAsItIs ? text.slice(start, lineEnd + 2) : `${this.method} ${this.rawTarget} HTTP/1.1\r\n`
    return status
  }

  private parseTarget (target: string, first: number): number {
    if (first === SLASH) return this.setTarget(target)
    if (target === '*' && this.method === 'OPTIONS') return this.setTarget(target)
    const absolute = /^http(s?):\/\/([^/?]+)(.*)$/i.exec(target)
    if (absolute === null) return 400
    this.secure = absolute[1] !== ''
    this.absoluteAuthority = absolute[2]!
    const rest = absolute[3]!
    return this.setTarget(rest.startsWith('/') ? rest : `/${rest}`)
  }

  private setTarget (target: string): number {
    const query = target.indexOf('?')
    const asked = query < 0 ? target : target.slice(0, query)
    const path = withoutEmptySegments(asked, this.paths.emptySegments)
    this.rawPath = path ?? asked
    this.rawQuery = query < 0 ? '' : target.slice(query + 1)
    this.rawTarget = path === asked ? target : this.rawPath + target.slice(asked.length)
    return path !== undefined && isPlainPath(path, this.paths.rejectEncodedSlash) ? 0 : 400
  }

  /** Finds the fields that decide about framing and forwarding; most names are dismissed by their length alone. */
  private classify (line: number): number {
    const { lines } = this
    const length = lines.nameEnd[line]! - lines.lineStart[line]!
    switch (length) {
      case 2: return lines.isNamed(line, 'te') ? this.te(line) : 0
      case 4: return lines.isNamed(line, 'host') ? this.hostField(line) : 0
      case 6: return lines.isNamed(line, 'expect') ? this.expect(line) : 0
      case 7: return this.upgradeOrTrailer(line)
      case 9: if (lines.isNamed(line, 'forwarded')) this.hasForwarded = true; return 0
      case 10: return this.connectionOrKeepAlive(line)
      case 11: if (lines.isNamed(line, 'traceparent')) return this.traceparent(line); return 0
      case 12: if (lines.isNamed(line, 'x-request-id')) return this.requestId(line); return 0
      case 14: return this.contentLengthOrSettings(line)
      case 17: if (lines.isNamed(line, 'transfer-encoding')) return this.transferEncoding(line); break
      case 21: if (lines.isNamed(line, 'x-request-deadline-ms')) return this.deadline(line); break
      default:
    }
    return this.longName(line, length)
  }

  private longName (line: number, length: number): number {
    if (length >= 16 && this.lines.isPrefixed(line, 'proxy-')) {
      // proxy-connection, proxy-authorization, proxy-authenticate: between the client and a proxy of its choice.
      this.lines.fate[line] = PRIVATE
    } else if (length > 12 && this.lines.isPrefixed(line, 'x-forwarded-')) this.hasForwarded = true
    return 0
  }

  private te (line: number): number {
    this.lines.fate[line] = PRIVATE
    if (/(?:^|,)[ \t]*trailers[ \t]*(?:,|$)/i.test(this.lines.value(line))) this.teTrailers = true
    return 0
  }

  private hostField (line: number): number {
    this.lines.fate[line] = PRIVATE
    this.host = this.lines.value(line)
    this.hosts++
    return 0
  }

  /** RFC 9110, 10.1.1: an expectation we do not know is answered with 417. */
  private expect (line: number): number {
    this.lines.fate[line] = PRIVATE
    if (this.lines.value(line).toLowerCase() !== '100-continue') return 417
    this.expectContinue = true
    return 0
  }

  private upgradeOrTrailer (line: number): number {
    if (this.lines.isNamed(line, 'trailer')) this.lines.fate[line] = PRIVATE
    else if (this.lines.isNamed(line, 'upgrade')) {
      this.lines.fate[line] = PRIVATE
      this.upgradeProtocol = this.lines.value(line).toLowerCase()
    }
    return 0
  }

  private connectionOrKeepAlive (line: number): number {
    if (this.lines.isNamed(line, 'keep-alive')) this.lines.fate[line] = PRIVATE
    else if (this.lines.isNamed(line, 'connection')) {
      this.lines.fate[line] = PRIVATE
      return readConnectionOptions(this.lines.value(line), this) ? 0 : 400
    }
    return 0
  }

  private traceparent (line: number): number {
    if (this.traceparentLine >= 0) this.lines.fate[line] = PRIVATE
    else this.traceparentLine = line
    return 0
  }

  private requestId (line: number): number {
    if (this.requestIdLine >= 0) this.lines.fate[line] = PRIVATE
    else this.requestIdLine = line
    return 0
  }

  private deadline (line: number): number {
    this.lines.fate[line] = PRIVATE
    this.deadlineLine = line
    return 0
  }

  /** One Content-Length of 1 to 15 digits. Two, equal or not, a list, a sign: refuse (RFC 9112, 6.3). */
  private contentLengthOrSettings (line: number): number {
    if (this.lines.isNamed(line, 'http2-settings')) this.lines.fate[line] = PRIVATE
    if (!this.lines.isNamed(line, 'content-length')) return this.longName(line, 14)
    this.lines.fate[line] = PRIVATE
    if (this.contentLength >= 0 || this.lines.hasTrailingTab(line)) return 400
    this.contentLength = this.lines.digits(line)
    return this.contentLength >= 0 ? 0 : 400
  }

  /** Exactly one `chunked`. Other codings exist (501); on HTTP/1.0 the field itself is a smuggling attempt (6.1). */
  private transferEncoding (line: number): number {
    this.lines.fate[line] = PRIVATE
    if (this.chunked || !this.http11 || this.lines.hasTrailingTab(line)) return 400
    const value = this.lines.value(line)
    if (!equalsIgnoreCase(value, 0, value.length, 'chunked')) return /^[\w, \t-]+$/.test(value) ? 501 : 400
    this.chunked = true
    return 0
  }

  /** What only the whole head can tell. */
  private judge (): number {
    if (this.chunked && this.contentLength >= 0) return 400
    if (this.hosts > 1 || (this.hosts === 0 && this.http11)) return 400
    if (this.hosts === 1 && !isHost(this.host)) return 400
    if (this.absoluteAuthority !== '' && !this.agreesWithHost()) return 400
    if (this.nominated !== null) this.dropNominated(this.nominated)
    return 0
  }

  /** The target's authority wins over Host (RFC 9112, 3.2.2); when they differ somebody is being deceived. */
  private agreesWithHost (): boolean {
    const { absoluteAuthority, host, secure } = this
    if (!isHost(absoluteAuthority)) return false
    if (this.hosts > 0 && !isSameAuthority(absoluteAuthority, host, secure)) return false
    this.host = absoluteAuthority
    return true
  }

  private dropNominated (names: readonly string[]): void {
    for (let line = 0; line < this.lines.count; line++) {
      if (names.some((name) => this.lines.isNamed(line, name))) this.lines.fate[line] = PRIVATE
    }
  }
}

function versionFault (text: string): number {
  return VERSION_TEXT.test(text) ? 505 : 400
}
