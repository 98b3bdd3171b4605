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
  const odd: string[] = []
  // A mark of UTF-8 is no text, although what follows is not read as UTF-8.
  const lines = text.replace(/^\u00ef\u00bb\u00bf/, '').split(/\r\n|\r|\n/)
  for (let at = 0; at < lines.length;) {
    const line = lines[at] ?? ''
    const isOdd = ESCAPED_COMMENT.test(line)
    if (isOdd) odd.push(`${source}:${at + 1}: a key that begins with \\# or \\! is a comment, as in Spring`)
    if (isOdd || documents.isComment(line)) at++
    else at = new PropertyReader(lines, source, documents.takeColumns()).read(at, documents.current)
  }
  const maps = documents.all()
  return maps.map((properties, index) => ({
    name: maps.length === 1 ? source : `${source} (document #${index})`, index, properties,
    ...(index === 0 && odd.length > 0 ? { odd } : {})
  }))
}

/** Java would read the key `#channel` or `!alarm`; Boot's loader looks for comments after it has undone escapes. */
const ESCAPED_COMMENT = /^[ \t\f]*\\(?:[#!]|u002[13])/

const SEPARATOR_LENGTH = 4

/** Where documents begin: a separator counts only when no comment of the same character touches it. */
class DocumentSplitter {
  readonly #done: Map<string, Property>[] = []
  #current = new Map<string, Property>()
  #lastComment = ''
  #columns = 0

  get current (): Map<string, Property> {
    return this.#current
  }

  /** How many columns Boot counts before the line after a separator: blanks at its end make it part of that line. */
  takeColumns (): number {
    const columns = this.#columns
    this.#columns = 0
    return columns
  }

  isComment (line: string): boolean {
    const prefix = /^[ \t\f]*([#!])/.exec(line)?.[1]
    if (prefix === undefined) {
      this.#lastComment = ''
      return false
    }
    const isSeparator = this.#lastComment !== prefix && /^[#!]---[ \t\f]*$/.test(line)
    this.#columns = isSeparator && line.length > SEPARATOR_LENGTH ? line.length + 1 : 0
    if (isSeparator) this.#separate()
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

/** One property with its continuation lines. Places are Boot's: columns count characters after escapes are undone. */
class PropertyReader {
  readonly #lines: readonly string[]
  readonly #source: string
  readonly #units: Unit[] = []
  #column: number
  #next = 0

  /** @param columns what is counted before the first line */
  constructor (lines: readonly string[], source: string, columns: number) {
    this.#lines = lines
    this.#source = source
    this.#column = columns
  }

  /** Reads the property at `lines[at]`; returns the index of the next line. */
  read (at: number, into: Map<string, Property>): number {
    this.#readLogicalLine(at)
    const { key, rest } = splitKey(this.#units)
    if (key.endsWith('[]')) {
      splitList(rest).forEach((part, index) => this.#put(into, `${key.slice(0, -2)}[${index}]`, part))
    } else if (key !== '') this.#put(into, key, { units: trimStart(rest), end: undefined })
    return this.#next
  }

  #put (into: Map<string, Property>, key: string, { units, end }: Item): void {
    const { line, column } = units[0] ?? end ?? this.#end()
    into.set(key, {
      value: { kind: 'string', text: units.map(unit => unit.char).join('') },
      origin: { source: this.#source, line, column }
    })
  }

  /** An empty value lies behind the line break: that is the beginning of the next line, before its first column. */
  #end (): { line: number, column: number } {
    const hasBreak = this.#next < this.#lines.length
    return { line: this.#next + 1, column: hasBreak ? 0 : this.#column + 1 }
  }

  /** Joins lines that end in an odd backslash. */
  #readLogicalLine (from: number): void {
    for (this.#next = from; this.#next < this.#lines.length; this.#column = 0) {
      const text = this.#lines[this.#next++] ?? ''
      if (!this.#readNaturalLine(text)) return
    }
  }

  /** Appends one natural line; true when it ends in a backslash and the next line goes on with it. */
  #readNaturalLine (text: string): boolean {
    const begin = /[^ \t\f]|$/.exec(text)?.index ?? 0
    this.#column += begin
    for (let at = begin; at < text.length; at++) {
      const char = text[at] as string
      if (char === '\\' && at + 1 === text.length) return true
      const escape = char === '\\' ? this.#readEscape(text, at + 1) : undefined
      this.#units.push({
        char: escape?.char ?? char, escaped: escape !== undefined, line: this.#next, column: ++this.#column
      })
      at += escape?.length ?? 0
    }
    return false
  }

  #readEscape (text: string, at: number): { char: string, length: number } {
    const char = text[at] as string
    if (char !== 'u') return { char: ESCAPES[char] ?? char, length: 1 }
    const hex = text.slice(at + 1, at + 5)
    if (!/^[0-9a-fA-F]{4}$/.test(hex)) {
      throw settingsError('E_CONFIG_PROPERTIES', ['\\u must be followed by four hexadecimal digits'],
        { where: `${this.#source}:${this.#next}:${at}` })
    }
    return { char: String.fromCharCode(Number.parseInt(hex, 16)), length: 5 }
  }
}

type Place = Pick<Unit, 'line' | 'column'>

/** The characters of a value; where it would begin, when a comma says so and it has none. */
interface Item { readonly units: readonly Unit[], readonly end: Place | undefined }

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

function splitList (units: readonly Unit[]): Item[] {
  const parts: { units: Unit[], end: Place | undefined }[] = [{ units: [], end: undefined }]
  for (const unit of units) {
    const last = parts.at(-1)
    if (unit.escaped || unit.char !== ',') last?.units.push(unit)
    else {
      if (last !== undefined) last.end = unit
      parts.push({ units: [], end: undefined })
    }
  }
  if (parts.length > 1 && parts.at(-1)?.units.length === 0) parts.pop()
  return parts.map(part => ({ ...part, units: trimStart(part.units) }))
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', r: '\r', n: '\n', f: '\f' }

