/**
 * Java regular expressions as found in Spring configurations, compiled once.
 *
 * Every construct is parsed and means what it means in Java, or is refused by name (`parse.ts`). What a backtracking
 * engine answers in linear time runs on JavaScript's; what it could take for ever over runs on RE2's, and what only
 * the former could do is refused: the text comes from clients.
 */
import { RE2JS } from 're2js'
import { mayExplode } from './explosion.ts'
import { parseJava } from './parse.ts'
import type { Parsed } from './tree.ts'
import { forJavaScript, forRe2, type Written } from './write.ts'

/** As Java's `matches()`: the whole text. */
export interface FullMatch {
  test (text: string): boolean
  /** The groups by Java's numbers, 0 the whole. */
  exec (text: string): ReadonlyArray<string | undefined> | null
  /** The number of a named group. */
  readonly names: ReadonlyMap<string, number>
}

export function fullMatch (pattern: string): FullMatch {
  const parsed = parseJava(pattern)
  if (mayExplode(parsed.tree, false)) return linear(parsed)
  const { source, flags, groups, isPlain } = forJavaScript(parsed.tree)
  const regex = new RegExp(`^(?:${source})$`, flags)
  return {
    names: parsed.names,
    test: text => regex.test(text),
    exec (text) {
      const found = regex.exec(text)
      return found === null || isPlain ? found : groups.map(group => found[group])
    }
  }
}

function linear ({ tree, names }: Parsed): FullMatch {
  const { source, groups } = writtenForRe2(tree)
  const regex = RE2JS.compile(source)
  return {
    names,
    test: text => regex.matches(text),
    exec (text) {
      const found = regex.matcher(text)
      return found.matches() ? groups.map(group => found.group(group) ?? undefined) : null
    }
  }
}

function writtenForRe2 (tree: Parsed['tree']): Written {
  const written = forRe2(tree)
  if (written !== undefined) return written
  throw new Error('a client could make it run for ever: write it without lookaround, back references, possessive quantifiers and ' +
    'atomic groups, so that it runs in linear time, or without a repetition in a repetition')
}

/** As Java's `replaceAll()`; `$\{name}` stands for `${name}`, because YAML would fill that in. */
export function replaceAll (pattern: string, replacement: string): (text: string) => string {
  const parsed = parseJava(pattern)
  const parts = replacementParts(replacement.replaceAll('$\\', '$'), parsed)
  if (mayExplode(parsed.tree, true)) return linearReplace(parsed, parts)
  const { source, flags, groups } = forJavaScript(parsed.tree)
  if (groups.some(group => group > 99)) throw new Error('it has more than 99 groups')
  const regex = new RegExp(source, `${flags}g`)
  const text = parts.map(part => typeof part === 'string' ? part.replaceAll('$', '$$$$')
    : part === 0 ? '$&' : `$${String(groups[part]).padStart(2, '0')}`).join('')
  return subject => subject.replace(regex, text)
}

function linearReplace ({ tree }: Parsed, parts: ReadonlyArray<string | number>): (text: string) => string {
  const { source, groups } = writtenForRe2(tree)
  const regex = RE2JS.compile(source)
  return text => {
    const found = regex.matcher(text)
    let out = ''
    let at = 0
    while (found.find()) {
      out += text.slice(at, found.start())
      for (const part of parts) out += typeof part === 'string' ? part : found.group(groups[part]) ?? ''
      at = found.end()
    }
    return out + text.slice(at)
  }
}

/** Texts, and the numbers of groups. */
function replacementParts (text: string, { groups, names }: Parsed): Array<string | number> {
  const parts: Array<string | number> = []
  for (const [token, escaped, name, digits] of text.matchAll(/\\([\s\S])|\$\{([A-Za-z][A-Za-z\d]*)\}|\$(\d+)|[\s\S]/gu)) {
    if (name !== undefined) parts.push(known(names.get(name), name))
    else if (digits !== undefined) parts.push(...numbered(digits, groups))
    else parts.push(escaped ?? token)
  }
  return parts
}

function known (group: number | undefined, name: string): number {
  if (group === undefined) throw new Error(`the pattern has no group ${name}`)
  return group
}

/** As many digits as there are groups for; the first one counts in any case. */
function numbered (digits: string, groups: number): [number, string] {
  let length = 1
  while (length < digits.length && Number(digits.slice(0, length + 1)) <= groups) length++
  const group = Number(digits.slice(0, length))
  return [known(group <= groups ? group : undefined, String(group)), digits.slice(length)]
}
