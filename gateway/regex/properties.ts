/** Java's predefined classes and `\p{...}` as sets of code points. */
import { charsOf, complement, intersection, setOf, union, type CodePoints, type Range } from './code-points.ts'

const DIGIT: CodePoints = [[48, 57]]
const LOWER: CodePoints = [[97, 122]]
const UPPER: CodePoints = [[65, 90]]
const ALPHA = union(LOWER, UPPER)
const ALNUM = union(ALPHA, DIGIT)
const GRAPH: CodePoints = [[33, 126]]

/** ASCII only in Java, where JavaScript's `\s` takes every blank of Unicode, and its `\v` is one control character. */
const SPACE: CodePoints = [[9, 13], [32, 32]]
const VERTICAL = union([[10, 13]], charsOf('\x85\u2028\u2029'))
const HORIZONTAL = union(charsOf('\t \xa0\u1680\u180e\u202f\u205f\u3000'), [[0x2000, 0x200a]])

/** By letter; the capital is the complement. */
const LETTERS: Readonly<Record<string, CodePoints>> = {
  d: DIGIT, w: union(ALNUM, charsOf('_')), s: SPACE, h: HORIZONTAL, v: VERTICAL
}

/** What ends a line, which `.` does not match. */
export const LINE_ENDS = charsOf('\n\r\x85\u2028\u2029')

const POSIX: Readonly<Record<string, CodePoints>> = {
  Lower: LOWER, Upper: UPPER, ASCII: [[0, 127]], Alpha: ALPHA, Digit: DIGIT, Alnum: ALNUM, Graph: GRAPH,
  Punct: intersection(GRAPH, complement(ALNUM)),
  Print: [[32, 126]], Blank: charsOf(' \t'), Cntrl: [[0, 31], [127, 127]], XDigit: union(DIGIT, [[65, 70], [97, 102]]), Space: SPACE
}

/** Java's names of Unicode's binary properties; what else begins with `Is` is a script or a category. */
const BINARY: Readonly<Record<string, string>> = {
  javaLowerCase: 'Lowercase', javaUpperCase: 'Uppercase', IsAlphabetic: 'Alphabetic', IsIdeographic: 'Ideographic', IsLetter: 'L',
  IsLowercase: 'Lowercase', IsUppercase: 'Uppercase', IsTitlecase: 'Lt', IsPunctuation: 'P', IsControl: 'Cc',
  IsWhite_Space: 'White_Space', IsDigit: 'Nd', IsHex_Digit: 'Hex_Digit'
}

/** `\d`, `\H` and so on; undefined when the letter is none of these. */
export function predefined (letter: string): CodePoints | undefined {
  const set = Object.hasOwn(LETTERS, letter.toLowerCase()) ? LETTERS[letter.toLowerCase()] : undefined
  return set === undefined || letter === letter.toLowerCase() ? set : complement(set)
}

/** The class of `\p{name}`; undefined when it is none that can be translated. */
export function property (name: string): CodePoints | undefined {
  if (Object.hasOwn(BINARY, name)) return unicode(BINARY[name]!)
  if (Object.hasOwn(POSIX, name)) return POSIX[name]
  const bare = name.replace(/^Is/, '')
  if (/^(?:L[ultmo]?|LC|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?|C[cfosn]?)$/.test(bare)) return unicode(bare)
  return name.startsWith('Is') && /^[A-Z][A-Za-z_]+$/.test(bare) ? unicode(`Script=${bare}`) : undefined
}

/** What stands on one side of a `\\b`. */
export function wordSet (): CodePoints {
  return union(unicode('L')!, unicode('Nd')!, charsOf('_'))
}

const known = new Map<string, CodePoints | undefined>()

/** Found by asking JavaScript of each code point, once. */
function unicode (name: string): CodePoints | undefined {
  if (!known.has(name)) known.set(name, scanned(name))
  return known.get(name)
}

function scanned (name: string): CodePoints | undefined {
  let has: RegExp
  try {
    has = new RegExp(`\\p{${name}}`, 'u')
  } catch {
    return undefined
  }
  const found: Range[] = []
  for (let code = 0; code <= 0x10ffff; code++) if (has.test(String.fromCodePoint(code))) found.push([code, code])
  return setOf(found)
}
