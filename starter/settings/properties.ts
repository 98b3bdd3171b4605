import { settingsError } from './errors.ts'
import { PARSE_LIMITS } from './types.ts'
import type { ConfigDocument, ParseLimits, Property } from './types.ts'

/**
 * Java's properties format with Spring Boot's additions: documents separated by `#---` or `!---`, and `name[]=a,b`
 * for lists. `text` is the file decoded as ISO-8859-1, which is what the format says and Spring does.
 */
export function parseProperties (
  text: string, source: string, limits: ParseLimits = PARSE_LIMITS
): ConfigDocument[] {
  if (text.length > limits.chars) {
    throw settingsError('E_CONFIG_LIMIT', [`${limits.chars} characters`], { where: source })
  }
  const documents = new DocumentSplitter()
  const lines = text.split(/\r\n|\r|\n/)
  for (let at = 0; at < lines.length;) {
    if (documents.isComment(lines[at] ?? '')) at++
    else at = readProperty(lines, at, source, documents.current)
  }
  const maps = documents.all()
  return maps.map((properties, index) => ({
    name: maps.length === 1 ? source : `${source} (document #${index})`, index, properties
  }))
}

/** Where documents begin: a separator counts only when no comment of the same character touches it. */
class DocumentSplitter {
  readonly #done: Map<string, Property>[] = []
  #current = new Map<string, Property>()
  #lastComment = ''

  get current (): Map<string, Property> {
    return this.#current
  }

  isComment (line: string): boolean {
    const prefix = /^[ \t\f]*([#!])/.exec(line)?.[1]
    if (prefix === undefined) {
      this.#lastComment = ''
      return false
    }
    if (this.#lastComment !== prefix && /^[#!]---[ \t\f]*$/.test(line)) this.#separate()
    else this.#comment(prefix)
    return true
  }

  #separate (): void {
    if (this.#current.size > 0) this.#done.push(this.#current)
    this.#current = new Map()
  }

  /** A comment right after a separator makes it a comment too: the document before it goes on. */
  #comment (prefix: string): void {
    if (this.#current.size === 0) this.#current = this.#done.pop() ?? this.#current
    this.#lastComment = prefix
  }

  all (): Map<string, Property>[] {
    return this.#current.size > 0 ? [...this.#done, this.#current] : this.#done
  }
}

/** One character of a logical line, after escapes: an escaped `=` does not end the key, an escaped space stays. */
interface Unit {
  readonly char: string
  readonly escaped: boolean
  readonly line: number
  readonly column: number
}

/** Reads the property at `lines[at]` with its continuation lines; returns the index of the next line. */
function readProperty (lines: readonly string[], at: number, source: string, into: Map<string, Property>): number {
  const { units, next } = logicalLine(lines, at, source)
  const { key, rest } = splitKey(units)
  const end = { line: next, column: (lines[next - 1]?.length ?? 0) + 1 }
  if (key.endsWith('[]')) {
    splitList(rest).forEach((part, index) => put(into, `${key.slice(0, -2)}[${index}]`, part, source, end))
  } else if (key !== '') put(into, key, trimStart(rest), source, end)
  return next
}

type Place = { readonly line: number, readonly column: number }

function put (into: Map<string, Property>, key: string, units: readonly Unit[], source: string, end: Place): void {
  const { line, column } = units[0] ?? end
  into.set(key, {
    value: { kind: 'string', text: units.map(unit => unit.char).join('') }, origin: { source, line, column }
  })
}

const isBlank = (unit: Unit | undefined): boolean =>
  unit !== undefined && !unit.escaped && (unit.char === ' ' || unit.char === '\t' || unit.char === '\f')

function trimStart (units: readonly Unit[]): readonly Unit[] {
  const first = units.findIndex(unit => !isBlank(unit))
  return first === -1 ? [] : units.slice(first)
}

/** The key ends at the first `=` or `:`, or where something follows white space. */
function splitKey (units: readonly Unit[]): { key: string, rest: readonly Unit[] } {
  let at = 0
  let skip = 0
  for (; at < units.length; at++) {
    const unit = units[at] as Unit
    if (!unit.escaped && (unit.char === '=' || unit.char === ':')) { skip = 1; break }
    if (at > 0 && isBlank(units[at - 1]) && !isBlank(unit)) break
  }
  return { key: units.slice(0, at).map(unit => unit.char).join('').trim(), rest: units.slice(at + skip) }
}

function splitList (units: readonly Unit[]): (readonly Unit[])[] {
  const parts: Unit[][] = [[]]
  for (const unit of units) {
    if (!unit.escaped && unit.char === ',') parts.push([])
    else parts.at(-1)?.push(unit)
  }
  if (parts.length > 1 && parts.at(-1)?.length === 0) parts.pop()
  return parts.map(trimStart)
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', r: '\r', n: '\n', f: '\f' }

/** Joins lines that end in an odd backslash and undoes the escapes. */
function logicalLine (lines: readonly string[], from: number, source: string): { units: Unit[], next: number } {
  const units: Unit[] = []
  for (let at = from; at < lines.length; at++) {
    if (!readNaturalLine(lines[at] ?? '', at + 1, source, units)) return { units, next: at + 1 }
  }
  return { units, next: lines.length }
}

/** Appends one natural line; true when it ends in a backslash and the next line goes on with it. */
function readNaturalLine (text: string, line: number, source: string, units: Unit[]): boolean {
  for (let at = /[^ \t\f]|$/.exec(text)?.index ?? 0; at < text.length; at++) {
    const char = text[at] as string
    if (char !== '\\') units.push({ char, escaped: false, line, column: at + 1 })
    else if (at + 1 === text.length) return true
    else {
      const escape = readEscape(text, at + 1, line, source)
      units.push({ char: escape.char, escaped: true, line, column: at + 1 })
      at += escape.length
    }
  }
  return false
}

function readEscape (text: string, at: number, line: number, source: string): { char: string, length: number } {
  const char = text[at] as string
  if (char !== 'u') return { char: ESCAPES[char] ?? char, length: 1 }
  const hex = text.slice(at + 1, at + 5)
  if (!/^[0-9a-fA-F]{4}$/.test(hex)) {
    throw settingsError('E_CONFIG_PROPERTIES', ['\\u must be followed by four hexadecimal digits'],
      { where: `${source}:${line}:${at}` })
  }
  return { char: String.fromCharCode(Number.parseInt(hex, 16)), length: 5 }
}
