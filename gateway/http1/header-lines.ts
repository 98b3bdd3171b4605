/**
 * The field lines of one head as positions in its latin1 text, with edits recorded beside them.
 *
 * Nothing is copied until the head is written again: then untouched neighbours travel as one slice. One object per
 * connection and direction, reset for each head.
 */
import { equalsIgnoreCase, isFieldValue, isToken, LOWER, TOKEN } from './characters.ts'
import { endOfFieldValue, viewOf } from './field-value.ts'

/** What becomes of a line: written on, kept to ourselves (hop-by-hop, rewritten), or taken out by a filter. */
export const FORWARD = 0
export const PRIVATE = 1
export const REMOVED = 2

const COLON = 58
const CR = 13
const LF = 10
const NO_BYTES = new Uint8Array(0)

/** Outcome of {@link HeaderLines.scan}. */
export const SCAN_OK = 0
export const SCAN_SYNTAX = 1
export const SCAN_TOO_MANY = 2

export class HeaderLines {
  text = ''
  count = 0
  lineStart = new Int32Array(32)
  nameEnd = new Int32Array(32)
  valueStart = new Int32Array(32)
  valueEnd = new Int32Array(32)
  fate = new Uint8Array(32)
  /** Position behind the last line's CRLF. */
  end = 0
  /** What is being parsed, only while it is: the buffer behind it is shared and will be overwritten. */
  private bytes: Uint8Array = NO_BYTES
  private shift = 0
  /** Names (lower-case) and values that filters added, in order; null until the first. */
  private added: string[] | null = null

  /**
   * Reads the lines of `text` in [start, end); `end` is where the empty line stands, so CRLF comes before it. The
   * characters are looked at in `bytes`, where `text` begins at `shift`: V8 finds out anew at every charCodeAt what
   * kind of string it has, which makes reading text three times as slow as reading bytes. {@link release} follows.
   */
  scan (text: string, bytes: Uint8Array, shift: number, start: number, end: number, maxCount: number): number {
    this.text = text
    this.bytes = bytes
    this.shift = shift
    this.count = 0
    this.added = null
    this.end = end
    const memory = viewOf(bytes)
    let at = start
    while (at < end) {
      if (this.count === maxCount) return SCAN_TOO_MANY
      if (this.count === this.fate.length) this.grow()
      at = this.scanLine(bytes, memory, shift, at)
      if (at < 0) return SCAN_SYNTAX
    }
    return SCAN_OK
  }

  /** Returns the start of the next line, or -1. The colon must touch the name (RFC 9112, 5.1); no folding (5.2). */
  private scanLine (bytes: Uint8Array, memory: DataView, shift: number, start: number): number {
    const from = start + shift
    let at = from
    while (TOKEN[bytes[at]!] === 1) at++
    if (at === from || bytes[at] !== COLON) return -1
    const nameEnd = at++
    while (isBlank(bytes[at]!)) at++
    const valueStart = at
    at = endOfFieldValue(bytes, memory, at)
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return -1
    let valueEnd = at
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1]!)) valueEnd--
    const line = this.count++
    this.lineStart[line] = start
    this.nameEnd[line] = nameEnd - shift
    this.valueStart[line] = valueStart - shift
    this.valueEnd[line] = valueEnd - shift
    this.fate[line] = FORWARD
    return at + 2 - shift
  }

  private grow (): void {
    const size = this.fate.length * 2
    const wider = (from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const to = new Int32Array(size)
      to.set(from)
      return to
    }
    this.lineStart = wider(this.lineStart)
    this.nameEnd = wider(this.nameEnd)
    this.valueStart = wider(this.valueStart)
    this.valueEnd = wider(this.valueEnd)
    const fate = new Uint8Array(size)
    fate.set(this.fate)
    this.fate = fate
  }

  /** The value of line `index` as received. */
  value (index: number): string {
    return this.text.slice(this.valueStart[index], this.valueEnd[index])
  }

  /** Parsing is over; {@link isNamed} and {@link isPrefixed} must not be asked any more. */
  release (): void {
    this.bytes = NO_BYTES
  }

  /** While parsing: is this the name of the line? */
  isNamed (index: number, lower: string): boolean {
    return this.nameEnd[index]! - this.lineStart[index]! === lower.length && this.isPrefixed(index, lower)
  }

  /** While parsing: does the line, whose name is at least as long, begin with `lower`? */
  isPrefixed (index: number, lower: string): boolean {
    const { bytes } = this
    const from = this.lineStart[index]! + this.shift
    for (let i = 0; i < lower.length; i++) if (LOWER[bytes[from + i]!] !== lower.charCodeAt(i)) return false
    return true
  }

  /** The value as a number when it is 1 to 15 digits, or -1. Only while parsing. */
  digits (index: number): number {
    const from = this.valueStart[index]! + this.shift
    const end = this.valueEnd[index]! + this.shift
    if (end === from || end - from > 15) return -1
    let value = 0
    for (let at = from; at < end; at++) {
      const digit = this.bytes[at]! - 48
      if (digit < 0 || digit > 9) return -1
      value = value * 10 + digit
    }
    return value
  }

  /** A tab behind the value: legal, but Node's parser refuses it where it decides about framing, so nobody sends it. */
  hasTrailingTab (index: number): boolean {
    let at = this.valueEnd[index]!
    while (this.text.charCodeAt(at) === 32) at++
    return this.text.charCodeAt(at) === 9
  }

  nameIs (index: number, lower: string): boolean {
    return equalsIgnoreCase(this.text, this.lineStart[index]!, this.nameEnd[index]!, lower)
  }

  /** Filters added something. */
  get edited (): boolean {
    return this.added !== null
  }

  /** Whether a filter wrote this field. */
  hasAdded (lower: string): boolean {
    return this.added !== null && this.added.some((text, at) => at % 2 === 0 && text === lower)
  }

  /** First value of a field, edits included. */
  get (lower: string): string | undefined {
    for (let i = 0; i < this.count; i++) {
      if (this.fate[i] !== REMOVED && this.nameIs(i, lower)) return this.value(i)
    }
    const added = this.added
    if (added === null) return undefined
    for (let i = 0; i < added.length; i += 2) if (added[i] === lower) return added[i + 1]
    return undefined
  }

  all (lower: string): string[] {
    const values: string[] = []
    for (let i = 0; i < this.count; i++) {
      if (this.fate[i] !== REMOVED && this.nameIs(i, lower)) values.push(this.value(i))
    }
    const added = this.added ?? []
    for (let i = 0; i < added.length; i += 2) if (added[i] === lower) values.push(added[i + 1]!)
    return values
  }

  /** Names of all fields that are still there, lower-case, each once. */
  names (): string[] {
    const names = new Set<string>()
    for (let i = 0; i < this.count; i++) {
      if (this.fate[i] !== REMOVED) names.add(this.text.slice(this.lineStart[i], this.nameEnd[i]).toLowerCase())
    }
    const added = this.added ?? []
    for (let i = 0; i < added.length; i += 2) names.add(added[i]!)
    return [...names]
  }

  remove (lower: string): void {
    for (let i = 0; i < this.count; i++) if (this.nameIs(i, lower)) this.fate[i] = REMOVED
    const added = this.added
    if (added === null) return
    for (let i = added.length - 2; i >= 0; i -= 2) if (added[i] === lower) added.splice(i, 2)
  }

  /**
   * Template variables and other client bytes end up in here: a value that could end the line would let a client
   * write headers, or a second request, of its own. Throws then; the request is answered with 400.
   */
  add (lower: string, value: string): void {
    if (!isToken(lower) || !isFieldValue(value)) throw new UnsafeHeaderError(lower)
    this.added ??= []
    this.added.push(lower, value)
  }

  set (lower: string, value: string): void {
    this.remove(lower)
    this.add(lower, value)
  }

  /**
   * All lines that go on, as text. Untouched runs are one slice each; the first may begin before the lines, at `from`.
   */
  write (from = -1): string {
    const { text, count, fate, lineStart } = this
    let out = ''
    let runStart = from
    for (let i = 0; i < count; i++) {
      if (fate[i] === FORWARD) {
        if (runStart < 0) runStart = lineStart[i]!
      } else if (runStart >= 0) {
        out += text.slice(runStart, lineStart[i])
        runStart = -1
      }
    }
    if (runStart >= 0) out += text.slice(runStart, this.end)
    return this.added === null ? out : out + this.writeAdded(this.added)
  }

  private writeAdded (added: readonly string[]): string {
    let out = ''
    for (let i = 0; i < added.length; i += 2) out += `${added[i]}: ${added[i + 1]}\r\n`
    return out
  }
}

/** A filter tried to write a header that would change the framing. */
export class UnsafeHeaderError extends Error {
  constructor (name: string) {
    super(`a filter wrote a value into header "${name.slice(0, 64)}" that no header can hold`)
    this.name = 'UnsafeHeaderError'
  }
}

function isBlank (code: number): boolean {
  return code === 32 || code === 9
}
