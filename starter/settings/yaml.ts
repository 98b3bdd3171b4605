import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { Alias, Node, Scalar as YamlScalar, YAMLMap, YAMLParseError, YAMLSeq } from 'yaml'
import { settingsError } from './errors.ts'
import { PARSE_LIMITS } from './types.ts'
import type { ParseLimits, Property, Scalar, YamlDocument } from './types.ts'
import { findExcess } from './yaml-guard.ts'
import { resolveScalar } from './yaml-scalar.ts'

/**
 * YAML 1.1 to flat properties, exactly as Spring Boot flattens what SnakeYAML reads. The `yaml` library parses with
 * its failsafe schema (every scalar stays text) and this file gives meaning: types, merges, duplicate keys, keys
 * that are no strings, origins. Fails with `E_CONFIG_YAML file:line:column` and nothing else.
 */
export function parseYaml (text: string, source: string, limits: ParseLimits = PARSE_LIMITS): YamlDocument[] {
  const lines = new LineCounter()
  // YAML 1.1 ends lines at a lone carriage return too; a mark for the byte order is no text.
  const clean = text.replace(/^\ufeff/, '').replace(/\r(?!\n)/g, '\n')
  const reader = new YamlReader(clean, source, lines, limits)
  reader.checkText()
  const parsed = parseAllDocuments(clean, {
    version: '1.1', schema: 'failsafe', uniqueKeys: false, prettyErrors: false, lineCounter: lines
  })
  const maps = [...parsed].map(document => {
    const [fault] = document.errors
    if (fault !== undefined) throw reader.fault(fault)
    return reader.flatten(document.contents as Node | null)
  }).filter(map => map !== undefined)
  return maps.map((properties, index) => ({
    name: maps.length === 1 ? source : `${source} (document #${index})`, index, properties
  }))
}

type Entry = { readonly key: string, readonly value: Node | null, readonly at: number }

/** One file being read: where its lines are, what its aliases stand for, how much of its budget is left. */
class YamlReader {
  readonly #text: string
  readonly #source: string
  readonly #lines: LineCounter
  readonly #limits: ParseLimits
  #nodesLeft: number
  #targets = new Map<Alias, Node>()
  #anchors = new Map<string, Node>()
  #out = new Map<string, Property>()

  constructor (text: string, source: string, lines: LineCounter, limits: ParseLimits) {
    this.#text = text
    this.#source = source
    this.#lines = lines
    this.#limits = limits
    this.#nodesLeft = limits.nodes
  }

  error (what: string, offset: number): Error {
    const { line, col } = this.#lines.linePos(offset)
    return settingsError('E_CONFIG_YAML', [what], { where: `${this.#source}:${line || 1}:${col || 1}` })
  }

  /** A fault of the parser; what makes it run out of stack is nesting. */
  fault ({ code, message, pos }: YAMLParseError): Error {
    const what = code === 'RESOURCE_EXHAUSTION' ? `nested deeper than ${this.#limits.depth} levels` : message
    return this.error(what, pos[0])
  }

  /** Bounds the text before it is parsed; SnakeYAML refuses control characters. */
  checkText (): void {
    const text = this.#text
    if (text.length > this.#limits.chars) {
      throw settingsError('E_CONFIG_LIMIT', [`${this.#limits.chars} characters`], { where: this.#source })
    }
    // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
    const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]/.exec(text)
    const excess = control === null
      ? findExcess(text, this.#limits)
      : { what: 'control characters are not allowed', offset: control.index }
    if (excess === undefined) return
    const before = text.slice(0, excess.offset).split(/\r\n|\r|\n/)
    throw settingsError('E_CONFIG_YAML', [excess.what],
      { where: `${this.#source}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}` })
  }

  /** The document's properties; undefined when it holds nothing (Spring does not count such documents). */
  flatten (root: Node | null): Map<string, Property> | undefined {
    if (root === null || this.#isNothing(root)) return undefined
    this.#targets = new Map()
    this.#anchors = new Map()
    this.#out = new Map()
    this.#bindAliases(root, 0)
    if (isMap(root)) this.#map(root, '', 0)
    else this.#value(root, 'document', 0)
    return this.#out
  }

  #isNothing (root: Node): boolean {
    if (isScalar(root)) return this.#scalar(root)?.text === '' || this.#scalar(root) === null
    return isSeq(root) && root.items.length === 0
  }

  /** An alias means the nearest anchor of its name before it: one walk in document order binds them all. */
  #bindAliases (node: unknown, depth: number): void {
    if (isAlias(node)) return this.#bindAlias(node)
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node)
    if (isScalar(node)) return
    if (depth >= this.#limits.depth) throw this.error(`nested deeper than ${this.#limits.depth} levels`, start(node))
    for (const item of node.items) {
      if (isPair(item)) {
        this.#bindAliases(item.key, depth + 1)
        this.#bindAliases(item.value, depth + 1)
      } else this.#bindAliases(item, depth + 1)
    }
  }

  #bindAlias (alias: Alias): void {
    const target = this.#anchors.get(alias.source)
    if (target === undefined) throw this.error(`alias "*${alias.source}" has no anchor before it`, start(alias))
    this.#targets.set(alias, target)
  }

  #deref (node: Node | null): Node | null {
    return isAlias(node) ? this.#targets.get(node) ?? null : node
  }

  #value (raw: Node | null, path: string, depth: number, at = 0): void {
    const node = this.#deref(raw)
    if (--this.#nodesLeft < 0) throw this.error(`more than ${this.#limits.nodes} values after expanding aliases`, at)
    if (depth > this.#limits.depth) throw this.error(`nested deeper than ${this.#limits.depth} levels`, at)
    if (isMap(node)) this.#map(node, path, depth)
    else if (isSeq(node)) this.#list(node, path, depth)
    else this.#put(path, isScalar(node) ? this.#scalar(node) : null, node === null ? at : this.#begin(node))
  }

  #put (path: string, value: Scalar | null, offset: number): void {
    const { line, col } = this.#lines.linePos(offset)
    this.#out.set(path, {
      value: value ?? { kind: 'string', text: '' },
      origin: { source: this.#source, line: line || 1, column: col || 1 }
    })
  }

  /** Where a node begins for SnakeYAML: at its anchor or tag; nothing at all stands right behind its `:` or `-`. */
  #begin (node: Node): number {
    const at = start(node)
    if (!isScalar(node)) return at
    const hasProps = node.anchor !== undefined || node.tag !== undefined
    if (!hasProps && (node.value !== '' || node.type !== 'PLAIN')) return at
    const before = hasProps ? /(?:[&!][^\s,[\]{}]*[ \t]*)+$/ : /[ \t]+$/
    return at - (before.exec(this.#text.slice(Math.max(0, at - 200), at))?.[0].length ?? 0)
  }

  #list (node: YAMLSeq, path: string, depth: number): void {
    this.#checkTag(node, 'seq')
    if (node.items.length === 0) this.#put(path, null, start(node));
    (node.items as Node[]).forEach((item, index) => this.#value(item, `${path}[${index}]`, depth + 1, start(node)))
  }

  #map (node: YAMLMap, path: string, depth: number): void {
    this.#checkTag(node, 'map')
    for (const { key, value, at } of this.#entries(node, 0).values()) {
      // Boot joins `[a/b]` without a dot: that is how a key with dots or slashes is written in Spring's YAML.
      const full = path.trim() === '' ? key : path + (key.startsWith('[') ? key : `.${key}`)
      this.#value(value, full, depth + 1, at)
    }
  }

  /** A map's entries with `<<` merged in: own keys win over merged ones, earlier merges over later ones. */
  #entries (node: YAMLMap, depth: number): Map<string, Entry> {
    const entries = new Map<string, Entry>()
    const own = new Set<string>()
    for (const pair of node.items) {
      const key = pair.key as Node | null
      if (isMergeKey(key)) {
        for (const [id, entry] of this.#merged(pair.value as Node | null, start(key), depth)) {
          if (!entries.has(id)) entries.set(id, entry)
        }
        continue
      }
      const { id, text } = this.#key(key)
      if (own.has(id)) throw this.error(`duplicate key "${text}"`, start(key))
      own.add(id)
      entries.set(id, { key: text, value: pair.value as Node | null, at: end(key) })
    }
    return entries
  }

  #merged (raw: Node | null, at: number, depth: number): Map<string, Entry> {
    if (--this.#nodesLeft < 0 || depth > this.#limits.depth) throw this.error('merges (<<) nest too deeply', at)
    const node = this.#deref(raw)
    if (isMap(node)) return this.#entries(node, depth + 1)
    if (!isSeq(node)) throw this.error('a merge (<<) needs a map or a list of maps', at)
    const all = new Map<string, Entry>()
    for (const item of node.items as Node[]) {
      for (const [id, entry] of this.#merged(item, at, depth + 1)) if (!all.has(id)) all.set(id, entry)
    }
    return all
  }

  /** Keys that are no strings are bracketed, as Spring does: `1: x` under `m` is `m[1]`. */
  #key (raw: Node | null): { id: string, text: string } {
    const node = this.#deref(raw)
    if (isMap(node) || isSeq(node)) {
      const text = isSeq(node) && node.items.length === 0 ? '' : `[${this.#javaText(node, '', 0)}]`
      return { id: text, text }
    }
    const scalar = isScalar(node) ? this.#scalar(node) : null
    if (scalar === null) throw this.error('a key may not be null', start(raw))
    const isText = scalar.kind === 'string'
    return { id: `${isText} ${scalar.text}`, text: isText ? scalar.text : `[${scalar.text}]` }
  }

  /** Java's toString of a list or map used as a key: `[a, b]`, `{a=1}`; Boot has empty text for a value of null. */
  #javaText (raw: Node | null, ifNull: string, depth: number): string {
    const node = this.#deref(raw)
    if (--this.#nodesLeft < 0 || depth > this.#limits.depth) throw this.error('a key nests too deeply', start(raw))
    const text = (below: unknown, none = '') => this.#javaText(below as Node | null, none, depth + 1)
    if (isSeq(node)) return node.items.length === 0 ? '' : `[${node.items.map(item => text(item)).join(', ')}]`
    if (isMap(node)) return `{${node.items.map(({ key, value }) => `${text(key, 'null')}=${text(value)}`).join(', ')}}`
    return isScalar(node) ? this.#scalar(node)?.text ?? ifNull : ifNull
  }

  #scalar (node: YamlScalar): Scalar | null {
    if (node.type === 'QUOTE_DOUBLE') this.#checkEscapes(node)
    const result = resolveScalar({ text: this.#scalarText(node), plain: node.type === 'PLAIN', tag: node.tag })
    if (typeof result === 'string') throw this.error(result, start(node))
    return result
  }

  /** The library takes JSON's `\/` for YAML 1.2's sake; YAML 1.1 has no such escape. */
  #checkEscapes (node: YamlScalar): void {
    const written = this.#text.slice(start(node), end(node))
    if (!written.includes('\\/')) return
    for (const { 0: escape, index } of written.matchAll(/\\[^]/g)) {
      if (escape === '\\/') throw this.error('the escape "\\/" is not known in YAML 1.1', start(node) + index)
    }
  }

  /** A block that the file ends in without a newline has none at its end, says SnakeYAML. */
  #scalarText (node: YamlScalar): string {
    const text = node.value as string
    const isLast = node.type?.startsWith('BLOCK') === true && end(node) >= this.#text.length
    return isLast && !this.#text.endsWith('\n') ? text.replace(/\n$/, '') : text
  }

  /** Sets, ordered maps and pairs have no flat form worth having; other tags name Java classes. */
  #checkTag (node: YAMLMap | YAMLSeq, kind: 'map' | 'seq'): void {
    if (node.tag === undefined || node.tag === '!' || node.tag === `tag:yaml.org,2002:${kind}`) return
    throw this.error(`tag "${node.tag}" is not known`, start(node))
  }
}

const start = (node: Node | null): number => node?.range?.[0] ?? 0
const end = (node: Node | null): number => node?.range?.[1] ?? 0

function isMergeKey (key: Node | null): key is YamlScalar {
  return isScalar(key) && key.type === 'PLAIN' && key.value === '<<' && key.tag === undefined
}
