/** A parsed Java pattern written for JavaScript's engine, and for RE2's. */
import { classText, LAST, type CodePoints } from './code-points.ts'
import { LINE_ENDS, wordSet } from './properties.ts'
import { childrenOf, type Edge, type Tree } from './tree.ts'

export interface Written {
  readonly source: string
  readonly flags: string
  /** The engine's number of each of Java's groups; group 0 is 0. */
  readonly groups: readonly number[]
  /** The groups are the engine's, none more and none less. */
  readonly isPlain: boolean
}

/** Every feature has a counterpart. */
export function forJavaScript (tree: Tree): Written {
  const writer = new Writer(true)
  writer.number(tree)
  const source = writer.write(tree)
  return { source, flags: writer.wide ? 'u' : '', groups: writer.groups, isPlain: writer.isPlain }
}

/** Undefined: RE2 has no looking around, no references back and nothing atomic, which is why it takes linear time. */
export function forRe2 (tree: Tree): Written | undefined {
  const writer = new Writer(false)
  writer.number(tree)
  const source = writer.write(tree)
  return writer.impossible ? undefined : { source, flags: '', groups: writer.groups, isPlain: writer.isPlain }
}

const ENDS = classText(LINE_ENDS, escaped).slice(1, -1)
const EDGES: Readonly<Record<Exclude<Edge, 'word' | 'no-word'>, string>> = {
  start: '^', end: '$', 'line-start': `(?<![^${ENDS}])`, 'line-end': `(?![^${ENDS}])`
}
/** RE2 takes no more. */
const MOST_REPEATS = 1_000

class Writer {
  readonly groups: number[] = [0]
  /** The engine's number of the capture that an atomic group is looked at through. */
  readonly #atomic = new Map<Tree, number>()
  readonly #javaScript: boolean
  #count = 0
  impossible = false
  /** A code point beyond 16 bits is named: then all are counted as such. */
  wide = false

  constructor (javaScript: boolean) {
    this.#javaScript = javaScript
  }

  get isPlain (): boolean {
    return this.#atomic.size === 0
  }

  /** Captures count by their opening parentheses. */
  number (tree: Tree): void {
    if (tree.kind === 'group' && tree.group > 0) this.groups[tree.group] = ++this.#count
    if (tree.kind === 'atomic') this.#atomic.set(tree, ++this.#count)
    if (tree.kind === 'set' && namesWide(tree.set)) this.wide = true
    if (tree.kind === 'edge' && tree.edge.endsWith('word')) this.wide = true
    for (const child of childrenOf(tree)) this.number(child)
  }

  write (tree: Tree): string {
    switch (tree.kind) {
      case 'set': return this.#set(tree.set)
      case 'sequence': return tree.items.map(item => this.write(item)).join('')
      case 'choice': return `(?:${tree.items.map(item => this.write(item)).join('|')})`
      case 'group': return `(${tree.group > 0 ? '' : '?:'}${this.write(tree.body)})`
      case 'repeat': return this.#repeat(tree)
      case 'edge': return this.#edge(tree.edge)
      case 'look': return this.#only(`(?${tree.ahead ? '' : '<'}${tree.negative ? '!' : '='}${this.write(tree.body)})`)
      case 'reference': return this.#only(`(?:\\${this.groups[tree.group]})`)
      // What was looked at is not looked at in another way again.
      case 'atomic': return this.#only(`(?:(?=(${this.write(tree.body)}))\\${this.#atomic.get(tree)})`)
    }
  }

  #only (text: string): string {
    if (!this.#javaScript) this.impossible = true
    return text
  }

  #edge (edge: Edge): string {
    if (edge === 'start' || edge === 'end') return EDGES[edge]
    if (edge === 'line-start' || edge === 'line-end') return this.#only(EDGES[edge])
    // Java's `\\b` knows the letters of all scripts, where its `\\w` knows ASCII only; RE2's knows ASCII.
    const word = this.#set(wordSet())
    return this.#only(edge === 'word' ? `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`
      : `(?:(?<=${word})(?=${word})|(?<!${word})(?!${word}))`)
  }

  #set (set: CodePoints): string {
    if (set.length === 0) return this.#only('[]')
    const escape = this.#javaScript ? escaped : (code: number) => `\\x{${code.toString(16)}}`
    const bounded = this.#javaScript && !this.wide ? narrowed(set) : set
    const [[first, last]] = bounded as [readonly [number, number]]
    if (bounded.length === 1 && first === last) return escape(first)
    return classText(bounded, escape)
  }

  #repeat ({ min, max, lazy, body }: Extract<Tree, { kind: 'repeat' }>): string {
    if (!this.#javaScript && Math.max(min, max === Infinity ? 0 : max) > MOST_REPEATS) this.impossible = true
    const one = body.kind === 'set' || body.kind === 'group' ? this.write(body) : `(?:${this.write(body)})`
    const times = max === Infinity ? (min === 0 ? '*' : min === 1 ? '+' : `{${min},}`)
      : min === 0 && max === 1 ? '?' : min === max ? `{${min}}` : `{${min},${max}}`
    return `${one}${times}${lazy ? '?' : ''}`
  }
}

function namesWide (set: CodePoints): boolean {
  return set.some(([first, last]) => first > 0xffff || (last > 0xffff && last < LAST))
}

/** Code units do where nobody names a code point beyond them. */
function narrowed (set: CodePoints): CodePoints {
  return set.map(([first, last]) => [first, Math.min(last, 0xffff)])
}

function escaped (code: number): string {
  const char = String.fromCodePoint(code)
  if (/[A-Za-z\d_/]/.test(char)) return char
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`
}
