/**
 * Java's syntax of regular expressions (java.util.regex.Pattern). What is not understood is refused by name: a
 * construct must never come to mean something else.
 */
import { charsOf, complement, folded, intersection, union, ALL, NONE, type CodePoints } from './code-points.ts'
import { LINE_ENDS, predefined, property } from './properties.ts'
import { childrenOf, mayBeEmpty, type Edge, type Parsed, type Tree } from './tree.ts'

/** Beyond it a pattern is no pattern of a route. */
const MAX_DEPTH = 100

interface Flags { readonly i: boolean, readonly s: boolean, readonly m: boolean, readonly d: boolean }

/** Throws an error that names what cannot be used. */
export function parseJava (pattern: string): Parsed {
  return new Parser(pattern).parse()
}

const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, f: 12, r: 13, a: 7, e: 27 }
const EDGES: Readonly<Record<string, Edge>> = { b: 'word', B: 'no-word', A: 'start', Z: 'end', z: 'end' }

class Parser {
  readonly #text: string
  readonly #names = new Map<string, number>()
  #at = 0
  #groups = 0
  #depth = 0
  #flags: Flags = { i: false, s: false, m: false, d: false }

  constructor (text: string) {
    this.#text = text
  }

  parse (): Parsed {
    const tree = this.#choice()
    if (this.#at < this.#text.length) throw new Error('a parenthesis is closed that was not opened')
    return { tree, groups: this.#groups, names: this.#names }
  }

  #choice (): Tree {
    if (++this.#depth > MAX_DEPTH) throw new Error(`groups nest deeper than ${MAX_DEPTH}`)
    const outside = this.#flags
    const items = [this.#sequence()]
    while (this.#takes('|')) items.push(this.#sequence())
    this.#flags = outside
    this.#depth--
    return items.length === 1 ? items[0]! : { kind: 'choice', items }
  }

  #sequence (): Tree {
    const items: Tree[] = []
    while (this.#at < this.#text.length && !'|)'.includes(this.#text[this.#at]!)) {
      const atom = this.#atom()
      if (atom.kind === 'sequence') items.push(...this.#quoted(atom.items))
      else items.push(this.#repeated(atom))
    }
    return items.length === 1 ? items[0]! : { kind: 'sequence', items }
  }

  /** Of `\Q...\E` a quantifier repeats the last character; of `(?i)` there is nothing. */
  #quoted (items: readonly Tree[]): Tree[] {
    return items.length === 0 ? [] : [...items.slice(0, -1), this.#repeated(items.at(-1)!)]
  }

  #atom (): Tree {
    const char = this.#next()
    switch (char) {
      case '(': return this.#group()
      case '[': return { kind: 'set', set: this.#class() }
      case '\\': return this.#escape()
      case '.': return { kind: 'set', set: this.#flags.s ? ALL : complement(this.#flags.d ? charsOf('\n') : LINE_ENDS) }
      case '^': return { kind: 'edge', edge: this.#flags.m ? 'line-start' : 'start' }
      case '$': return { kind: 'edge', edge: this.#flags.m ? 'line-end' : 'end' }
      case '*': case '+': case '?': case '{': throw new Error(`"${char}" repeats nothing`)
      default: return this.#literal(char.codePointAt(0)!)
    }
  }

  #literal (code: number): Tree {
    return { kind: 'set', set: this.#fold([[code, code]]) }
  }

  #fold (set: CodePoints): CodePoints {
    return this.#flags.i ? folded(set) : set
  }

  #repeated (atom: Tree): Tree {
    const bounds = this.#bounds()
    if (bounds === undefined) return atom
    const [min, max] = bounds
    if (max > 1 && mayBeEmpty(atom) && captures(atom)) throw new Error('a group that is repeated can match nothing: what it holds then has no counterpart here')
    const lazy = this.#takes('?')
    const repeat: Tree = { kind: 'repeat', min, max, lazy, body: atom }
    if (!lazy && this.#takes('+')) return { kind: 'atomic', body: repeat }
    if (this.#bounds() !== undefined) throw new Error('a quantifier follows a quantifier')
    return repeat
  }

  #bounds (): readonly [number, number] | undefined {
    if (this.#takes('*')) return [0, Infinity]
    if (this.#takes('+')) return [1, Infinity]
    if (this.#takes('?')) return [0, 1]
    const found = this.#match(/\{(\d{1,5})(,?)(\d{0,5})\}/y)
    if (found === undefined) return undefined
    const [, min = '', comma, max = ''] = found
    const bounds = [Number(min), comma === '' ? Number(min) : max === '' ? Infinity : Number(max)] as const
    if (bounds[1] < bounds[0]) throw new Error(`${found[0]} is no range`)
    return bounds
  }

  #group (): Tree {
    const flags = this.#match(/\?([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])/y)
    if (flags !== undefined) return this.#flagged(flags)
    const look = this.#match(/\?(<?)([=!])/y)
    if (look !== undefined) {
      return { kind: 'look', ahead: look[1] === '', negative: look[2] === '!', body: this.#closed(this.#choice()) }
    }
    if (this.#match(/\?>/y) !== undefined) return { kind: 'atomic', body: this.#closed(this.#choice()) }
    const name = this.#match(/\?<([A-Za-z][A-Za-z\d]*)>/y)?.[1]
    if (name === undefined && this.#text[this.#at] === '?') throw new Error(`"(${this.#text.slice(this.#at, this.#at + 3)}" is no group of Java's`)
    const group = ++this.#groups
    if (name !== undefined) {
      if (this.#names.has(name)) throw new Error(`two groups are called ${name}`)
      this.#names.set(name, group)
    }
    return { kind: 'group', group, body: this.#closed(this.#choice()) }
  }

  /** `(?i)` holds to the end of the group that it stands in, `(?i:X)` within itself. */
  #flagged ([, on = '', off = '', end]: RegExpExecArray): Tree {
    for (const flag of on + off) {
      if (!'ismd'.includes(flag)) throw new Error(`the inline flag "${flag}" has no counterpart here (i, s, m and d have)`)
    }
    const outside = this.#flags
    const flags: Record<keyof Flags, boolean> = { ...outside }
    for (const flag of on) flags[flag as keyof Flags] = true
    for (const flag of off) flags[flag as keyof Flags] = false
    this.#flags = flags
    if (end === ')') return { kind: 'sequence', items: [] }
    const body = this.#closed(this.#choice())
    this.#flags = outside
    return { kind: 'group', group: 0, body }
  }

  #closed (tree: Tree): Tree {
    if (!this.#takes(')')) throw new Error('a parenthesis is not closed')
    return tree
  }

  #escape (): Tree {
    const quoted = this.#quotation()
    if (quoted !== undefined) return { kind: 'sequence', items: Array.from(quoted, char => this.#literal(char.codePointAt(0)!)) }
    const digits = this.#match(/[1-9]\d*/y)?.[0]
    if (digits !== undefined) return this.#numbered(digits)
    const name = this.#match(/k<([A-Za-z][A-Za-z\d]*)>/y)?.[1]
    if (name !== undefined) return this.#reference(this.#names.get(name), `there is no group ${name} before \\k<${name}>`)
    if (this.#match(/R/y) !== undefined) return LINE_BREAK
    if (this.#match(/b\{/y) !== undefined) throw new Error('\\b{g} has no counterpart here')
    const letter = this.#text[this.#at] ?? ''
    if (!Object.hasOwn(EDGES, letter)) return { kind: 'set', set: this.#escapedSet() }
    this.#at++
    return { kind: 'edge', edge: EDGES[letter]! }
  }

  /** As many digits as there are groups for, as in Java. */
  #numbered (digits: string): Tree {
    let length = digits.length
    while (length > 1 && Number(digits.slice(0, length)) > this.#groups) length--
    this.#at -= digits.length - length
    const group = Number(digits.slice(0, length))
    return this.#reference(group <= this.#groups ? group : undefined, `there is no group ${group} before \\${group}`)
  }

  #reference (group: number | undefined, otherwise: string): Tree {
    if (group === undefined) throw new Error(otherwise)
    if (this.#flags.i) throw new Error('a back reference under (?i) has no counterpart here')
    return { kind: 'reference', group }
  }

  #quotation (): string | undefined {
    if (!this.#takes('Q')) return undefined
    const end = this.#text.indexOf('\\E', this.#at)
    const quoted = this.#text.slice(this.#at, end < 0 ? undefined : end)
    this.#at = end < 0 ? this.#text.length : end + 2
    return quoted
  }

  /** Behind a backslash, within a class or not. */
  #escapedSet (): CodePoints {
    const code = this.#escapedCode()
    if (code !== undefined) return this.#fold([[code, code]])
    const named = this.#match(/([pP])(?:\{(\^?)([^}]*)\}|([A-Z]))/y)
    if (named !== undefined) return this.#property(named)
    const char = this.#next()
    const set = predefined(char)
    if (set !== undefined) return set
    if (/[A-Za-z\d]/.test(char)) throw new Error(`"\\${char}" has no counterpart here`)
    return this.#fold(charsOf(char))
  }

  #property ([all, letter, not, name = '', single]: RegExpExecArray): CodePoints {
    const set = property(single ?? name)
    if (set === undefined || not !== '' && not !== undefined) throw new Error(`"\\${all}" has no counterpart here`)
    return letter === 'P' ? complement(this.#fold(set)) : this.#fold(set)
  }

  #escapedCode (): number | undefined {
    const hex = this.#match(/x([\dA-Fa-f]{2})|x\{([\dA-Fa-f]{1,6})\}|u([\dA-Fa-f]{4})/y)
    if (hex !== undefined) return Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '', 16)
    const octal = this.#match(/0([0-3][0-7]{2}|[0-7]{1,2})/y)?.[1]
    if (octal !== undefined) return Number.parseInt(octal, 8)
    const control = this.#match(/c([@-_])/y)?.[1]
    if (control !== undefined) return control.charCodeAt(0) ^ 64
    const letter = this.#text[this.#at] ?? ''
    if (!Object.hasOwn(CONTROLS, letter)) return undefined
    this.#at++
    return CONTROLS[letter]
  }

  /** Behind `[`: unions of ranges and classes, intersected at each `&&`. */
  #class (): CodePoints {
    if (++this.#depth > MAX_DEPTH) throw new Error(`classes nest deeper than ${MAX_DEPTH}`)
    const negative = this.#takes('^')
    let whole: CodePoints | undefined
    for (;;) {
      const part = this.#classPart()
      whole = whole === undefined ? part : intersection(whole, part)
      if (this.#takes(']')) break
      if (!this.#text.startsWith('&&', this.#at)) throw new Error('a class is not closed')
      this.#at += 2
      if (this.#text[this.#at] === '&') throw new Error('"&&&" has no counterpart here')
    }
    this.#depth--
    return negative ? complement(whole) : whole
  }

  #classPart (): CodePoints {
    const start = this.#at
    let part = NONE
    for (let first = true; this.#at < this.#text.length; first = false) {
      if (this.#text.startsWith('&&', this.#at) || (this.#text[this.#at] === ']' && !first)) break
      part = union(part, this.#classItem())
    }
    if (this.#at === start) throw new Error('a class or a side of "&&" is empty')
    return part
  }

  #classItem (): CodePoints {
    if (this.#takes('[')) return this.#class()
    if (this.#text.startsWith('\\Q', this.#at)) {
      this.#at++
      return this.#fold(charsOf(this.#quotation()!))
    }
    const first = this.#classChar()
    const ends = this.#text[this.#at] === '-' && !/^-(?:\]|\[|&&)/.test(this.#text.slice(this.#at, this.#at + 3))
    if (!ends || !isOne(first)) return this.#fold(first)
    this.#at++
    const last = this.#classChar()
    if (!isOne(last) || last[0]![0] < first[0]![0]) throw new Error('a range of a class has no beginning or no end')
    return this.#fold([[first[0]![0], last[0]![0]]])
  }

  /** Not folded: a range is folded as a whole. */
  #classChar (): CodePoints {
    const char = this.#next()
    if (char !== '\\') return charsOf(char)
    const flags = this.#flags
    this.#flags = { ...flags, i: false }
    const set = this.#escapedSet()
    this.#flags = flags
    return set
  }

  #next (): string {
    const code = this.#text.codePointAt(this.#at)
    if (code === undefined) throw new Error('it ends too early')
    const char = String.fromCodePoint(code)
    this.#at += char.length
    return char
  }

  #takes (char: string): boolean {
    if (this.#text[this.#at] !== char) return false
    this.#at++
    return true
  }

  #match (pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)
    if (found === null) return undefined
    this.#at = pattern.lastIndex
    return found
  }
}

function captures (tree: Tree): boolean {
  return (tree.kind === 'group' && tree.group > 0) || childrenOf(tree).some(captures)
}

function isOne (set: CodePoints): boolean {
  return set.length === 1 && set[0]![0] === set[0]![1]
}

/** `\R` takes both of CR LF and does not give one back. */
const LINE_BREAK: Tree = { kind: 'atomic', body: { kind: 'choice', items: [
  { kind: 'sequence', items: [{ kind: 'set', set: charsOf('\r') }, { kind: 'set', set: charsOf('\n') }] },
  { kind: 'set', set: union(LINE_ENDS, [[10, 13]]) }
] } }
