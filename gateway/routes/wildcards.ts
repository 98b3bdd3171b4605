/**
 * Wildcards matched in time that grows with pattern x text, whatever a client sends: a regular expression of several
 * `.*` tries each way to share a text among them.
 *
 * What can follow is worked out from the end: `reach[token][at]` says whether the tokens from this one on match the
 * text from `at` on. Then every token takes what it likes best of what lets the rest match, as a regular expression
 * would have found it.
 */

import type { FullMatch } from '../regex/java-regex.ts'

/** A named run and what it took. */
type Value = readonly [name: string, value: string]

export interface Literal {
  readonly kind: 'literal'
  readonly text: string
}

/** Characters other than `without`: at least `min`, one or any number, as many (or with `lazy` as few) as possible. */
export interface Run {
  readonly kind: 'run'
  readonly min: 0 | 1
  readonly many: boolean
  readonly lazy: boolean
  readonly without: string
  /** The variable that it is the value of. */
  readonly name?: string
}

/** Any number of whole labels, as many as possible: each with a dot behind it, or (`leading`) in front of it. */
export interface Labels {
  readonly kind: 'labels'
  readonly leading: boolean
}

export type Token = Literal | Run | Labels

/** Values of the named runs in order, or undefined when the whole text does not match. */
export type Wildcards = (text: string) => Value[] | undefined

const DOT = '.'

/** `ignoreCase`: literals are given lower-case. */
export function wildcards (tokens: readonly Token[], ignoreCase: boolean): Wildcards {
  const [only] = tokens
  const named = tokens.some((token) => token.kind === 'run' && token.name !== undefined)
  if (tokens.length === 1 && only!.kind === 'run' && only!.many && only!.without === '') {
    return (text) => text.length < only!.min ? undefined : only!.name === undefined ? [] : [[only!.name, text]]
  }
  return (text) => {
    const compared = ignoreCase ? text.toLowerCase() : text
    const width = text.length + 1
    const reach = reachOf(tokens, compared, width)
    if (reach[0] === 0) return undefined
    return named ? valuesOf(tokens, text, reach, width) : []
  }
}

/** Values of the groups `v0`, `v1`, ... under the names of the variables that they are. */
export function regularExpression (regex: FullMatch, names: readonly string[]): Wildcards {
  const groups = names.map((_, i) => regex.names.get(`v${i}`)!)
  return (text) => {
    const match = regex.exec(text)
    return match === null ? undefined : names.map((name, i) => [name, match[groups[i]!] ?? ''])
  }
}

/** Neighbouring literals as one. */
export function joined (tokens: readonly Token[]): Token[] {
  const all: Token[] = []
  for (const token of tokens) {
    const last = all.at(-1)
    if (token.kind === 'literal' && last?.kind === 'literal') all[all.length - 1] = { kind: 'literal', text: last.text + token.text }
    else all.push(token)
  }
  return all
}

function reachOf (tokens: readonly Token[], text: string, width: number): Uint8Array {
  const reach = new Uint8Array((tokens.length + 1) * width)
  reach[reach.length - 1] = 1
  for (let row = tokens.length - 1; row >= 0; row--) {
    const token = tokens[row]!
    const here = reach.subarray(row * width, (row + 1) * width)
    const next = reach.subarray((row + 1) * width, (row + 2) * width)
    if (token.kind === 'literal') reachLiteral(token.text, text, here, next)
    else if (token.kind === 'run') reachRun(token, text, here, next)
    else reachLabels(token.leading, text, here, next)
  }
  return reach
}

function reachLiteral (literal: string, text: string, here: Uint8Array, next: Uint8Array): void {
  for (let at = text.length - literal.length; at >= 0; at--) {
    if (next[at + literal.length] === 1 && text.startsWith(literal, at)) here[at] = 1
  }
}

function reachRun ({ min, many, without }: Run, text: string, here: Uint8Array, next: Uint8Array): void {
  let open = next[text.length]!
  if (min === 0) here[text.length] = open
  for (let at = text.length - 1; at >= 0; at--) {
    const longer = text[at] === without ? 0 : many ? open : next[at + 1]!
    open = next[at]! | longer
    here[at] = min === 0 ? open : longer
  }
}

function reachLabels (leading: boolean, text: string, here: Uint8Array, next: Uint8Array): void {
  here[text.length] = next[text.length]!
  let dot = text.length
  for (let at = text.length - 1; at >= 0; at--) {
    here[at] = next[at]!
    if (leading) {
      if (text[at] === DOT && dot > at + 1) here[at] = here[at]! | here[dot]!
    } else if (text[at] !== DOT && dot < text.length) here[at] = here[at]! | here[dot + 1]!
    if (text[at] === DOT) dot = at
  }
}

function valuesOf (tokens: readonly Token[], text: string, reach: Uint8Array, width: number): Value[] {
  const found: Value[] = []
  let at = 0
  for (const [row, token] of tokens.entries()) {
    const from = at
    const next = reach.subarray((row + 1) * width, (row + 2) * width)
    if (token.kind === 'literal') at += token.text.length
    else at = token.kind === 'run' ? endOfRun(token, text, at, next) : endOfLabels(text, at, next)
    if (token.kind === 'run' && token.name !== undefined) found.push([token.name, text.slice(from, at)])
  }
  return found
}

function endOfRun ({ min, many, lazy, without }: Run, text: string, from: number, next: Uint8Array): number {
  let best = -1
  for (let at = from; ; at++) {
    const taken = at - from
    if (taken >= min && next[at] === 1) best = at
    if ((lazy && best >= 0) || (!many && taken === 1) || at === text.length || text[at] === without) return best
  }
}

/** Labels with dots behind them: of what stands before the last label nothing is asked. */
function endOfLabels (text: string, from: number, next: Uint8Array): number {
  let best = from
  for (let at = from; at >= 0 && at <= text.length;) {
    if (next[at] === 1) best = at
    const dot = text.indexOf(DOT, at)
    if (dot <= at) return best
    at = dot + 1
  }
  return best
}
