/**
 * Texts as SnakeYAML writes them, byte for byte: when quotes are needed, which, and where a line is folded. The YAML
 * library decides these things otherwise, and who compares the two servers sees each difference.
 */
import { resolveScalar } from '@breakwater/starter/settings'

const WIDTH = 80

/** Where a text is put: at a column, and its further lines at an indent. */
export interface Place {
  readonly column: number
  readonly indent: number
}

/** A text as a value, or as a key after `?`; may be several lines. */
export function writeText (text: string, place: Place): string {
  if (!isPrintable(text)) return writeBinary(Buffer.from(text).toString('base64'), place)
  if (isPlain(text)) return foldPlain(text, place)
  if (text.includes('\n') && isBlock(text)) return literal(text, place)
  return isSingleQuoted(text) ? singleQuoted(text, place) : doubleQuoted(text, place)
}

/** Bytes, given as base64. */
export function writeBinary (base64: string, { indent }: Place): string {
  return base64 === '' ? '!!binary ""' : `!!binary |-${lineAt(indent)}${base64}`
}

/** A text as a key before `:`, on one line; undefined when it needs a `?`. */
export function writeKey (text: string): string | undefined {
  if (text === '' || BREAK.test(text)) return undefined
  const word = isPrintable(text) ? text : Buffer.from(text).toString('base64')
  const tag = word === text ? '!!str' : '!!binary'
  if (word.length + tag.length >= MAX_KEY) return undefined
  const endless = { column: -Infinity, indent: 0 }
  return word === text ? writeText(text, endless) : `${tag} "${word}"`
}

const MAX_KEY = 128
const BREAK = /[\n\u0085\u2028\u2029]/
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const UNPRINTABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufffe\uffff]/
// Line breaks of YAML 1.1 that are none in 1.2: SnakeYAML writes them as they are, and no two readers agree on them.
const ESCAPED = /[\t\r\u0085\u2028\u2029\ufeff]/
const INDICATOR = /^[#,[\]{}&*!|>'"%@`]|^---|^\.\.\.|^[?:-](?: |$)|:(?: |$)| #/

function isPrintable (text: string): boolean {
  return !UNPRINTABLE.test(text)
}

function isPlain (text: string): boolean {
  if (text === '' || text.startsWith(' ') || text.endsWith(' ') || text.includes('\n')) return false
  return !ESCAPED.test(text) && !INDICATOR.test(text) && readsAsText(text)
}

// What Boot reads as texts and SnakeYAML writes in quotes: the merge key, digits that are no number, dates. `=` and
// `0x_` it writes plain, and PyYAML then refuses the whole file.
const OTHER_TYPES = new RegExp('^(?:<<|=|[-+]?0[xb]?_+|0[0-9_]+|[-+]?\\.[0-9_]+(?:[eE][-+]?\\d+)?|\\d{4}-\\d\\d-\\d\\d|\\d{4}-\\d\\d?-\\d\\d?(?:[Tt]|[ \\t]+)\\d\\d?:\\d\\d:\\d\\d' +
  '(?:\\.\\d*)?(?:[ \\t]*(?:Z|[-+]\\d\\d?(?::\\d\\d)?))?)$')

function readsAsText (text: string): boolean {
  const scalar = resolveScalar({ text, plain: true, tag: undefined })
  return typeof scalar === 'object' && scalar?.kind === 'string' && !OTHER_TYPES.test(text)
}

function isBlock (text: string): boolean {
  return !ESCAPED.test(text) && !text.endsWith(' ') && !text.includes(' \n')
}

function isSingleQuoted (text: string): boolean {
  return !ESCAPED.test(text) && !text.includes('\n')
}

// A line is broken at the first single blank beyond the width, as a run of blanks would be lost.
function foldPlain (text: string, { column, indent }: Place): string {
  let [out, at] = ['', column]
  for (const part of text.split(/( +)/)) {
    const folds = part === ' ' && at > WIDTH
    out += folds ? lineAt(indent) : part
    at = folds ? indent : at + part.length
  }
  return out
}

function singleQuoted (text: string, { column, indent }: Place): string {
  const inner = text.replaceAll('\'', '\'\'')
  // A blank at either end stays beside its quote.
  const [, head = '', body = '', tail = ''] = /^( ?)(.*?)( ?)$/s.exec(inner) ?? []
  return `'${head}${foldPlain(body, { column: column + 1 + head.length, indent })}${tail}'`
}

function literal (text: string, { indent }: Place): string {
  const body = text.endsWith('\n') ? text.slice(0, -1) : text
  const keep = text.endsWith('\n') ? (body === '' || body.endsWith('\n') ? '+' : '') : '-'
  const head = `|${/^[ \n]/.test(text) ? '2' : ''}${keep}\n`
  return head + body.replace(/^(?=[^\n])/gm, ' '.repeat(indent))
}

const ESCAPES = new Map([['\t', 't'], ['\n', 'n'], ['\r', 'r'], ['"', '"'], ['\\', '\\'], ['\u0085', 'N'],
  ['\u00a0', '_'], ['\u2028', 'L'], ['\u2029', 'P'], ['\ufeff', 'uFEFF']])

// A line is broken before the word that would pass the width, or behind an escape beyond it; `\` keeps the blank.
function doubleQuoted (text: string, { column, indent }: Place): string {
  const units = Array.from(text, unit => ESCAPES.has(unit) ? `\\${ESCAPES.get(unit)}` : unit)
  let [out, word, at] = ['"', '', column + 1]
  for (const [index, unit] of units.entries()) {
    const isWord = unit.length === 1 && unit >= ' ' && unit <= '~'
    if (!isWord) {
      out += word + unit
      at += word.length + unit.length
      word = ''
    }
    const isInside = index > 0 && index < units.length - 1
    if (isInside && (unit === ' ' || word === '') && at + (isWord ? word.length : -1) > WIDTH) {
      out += `${word}\\${lineAt(indent)}`
      const next = isWord ? unit : units[index + 1]
      at = indent
      word = ''
      if (next === ' ') {
        out += '\\'
        at++
      }
    }
    if (isWord) word += unit
  }
  return `${out}${word}"`
}

function lineAt (indent: number): string {
  return `\n${' '.repeat(indent)}`
}
