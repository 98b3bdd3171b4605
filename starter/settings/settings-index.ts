import { appendPart, canonicalName, canonicalPart, joinName, memberName, splitName } from './relaxed.ts'
import type { NamePart } from './relaxed.ts'
import { meantByForm, VariableNames, WrittenNames } from './source-names.ts'
import type { Entry, SourceNames } from './source-names.ts'
import type { PropertySource } from './types.ts'
import { ENVIRONMENT } from './variables.ts'

/** All properties of an ordered list of sources, highest priority first, by Spring's rules for names. */
export class SettingsIndex {
  readonly #sources: readonly SourceNames[]
  /** The entry that counts for each canonical name. */
  readonly #entries = new Map<string, Entry>()
  /** Which source a list comes from, by its canonical name. */
  readonly #lists = new Map<string, number>()
  /** How each part of a key is written, by canonical path: files decide, the environment only knows capitals. */
  readonly #spellings = new Map<string, NamePart>()

  constructor (sources: readonly PropertySource[]) {
    const files = sources.filter(({ name }) => name !== ENVIRONMENT)
    const written = files.flatMap(({ properties }) => [...properties.keys()])
    const meant = files.length < sources.length ? meantByForm(written) : new Map<string, string>()
    this.#sources = sources.map((source, rank) => source.name === ENVIRONMENT
      ? new VariableNames(source, rank, meant)
      : new WrittenNames(source, rank))
    for (const entry of this.#sources.flatMap(({ entries }) => entries)) this.#add(entry)
    for (const key of written) this.#spell(key)
    for (const { key, canonical } of this.#entries.values()) if (canonicalName(key) === canonical) this.#spell(key)
  }

  #add (entry: Entry): void {
    const { canonical, rank } = entry
    if (!this.#entries.has(canonical)) this.#entries.set(canonical, this.#sources[rank]?.find(canonical) ?? entry)
    const list = listOf(canonical)
    if (!this.#lists.has(list)) this.#lists.set(list, rank)
  }

  #spell (key: string): void {
    let path = ''
    for (const part of splitName(key)) {
      path = appendPart(path, canonicalPart(part))
      if (!this.#spellings.has(path)) this.#spellings.set(path, part)
    }
  }

  /** The entry of a key in any spelling. */
  find (key: string): Entry | undefined {
    return first(this.#sources, source => source.find(key))
  }

  /** The entry of a key that is written just so, or of the variable that Spring takes for it. */
  written (key: string): Entry | undefined {
    return first(this.#sources, source => source.written(key))
  }

  /** What each name stands for, lists of lower sources included. */
  all (): Entry[] {
    return [...this.#entries.values()]
  }

  /**
   * The entries below a prefix. A list is never mixed from two sources: the highest one that has any item of it, or a
   * comma text for it, gives all of it (Spring's binder does the same).
   */
  below (prefix: string): Entry[] {
    const isBelow = belowTest(prefix)
    return this.all().filter(({ canonical, rank }) => isBelow(canonical) && this.#lists.get(listOf(canonical)) === rank)
  }

  /** The items of a list from the one source that gives it, or its comma text. */
  list (key: string): Entry | readonly Entry[] {
    for (const source of this.#sources) {
      const text = source.find(key)
      if (text !== undefined) return text
      const items = source.indices(key).map(index => source.find(`${key}[${index}]`))
      if (items.length > 0) return items.filter(item => item !== undefined)
    }
    return []
  }

  /** Names below a prefix as a map has them, in every spelling there is, each with the entry that its key means. */
  members (prefix: string): Map<string, Entry> {
    const isBelow = belowTest(prefix)
    const depth = splitName(prefix).length
    const members = new Map<string, Entry>()
    for (const entry of this.#sources.flatMap(({ entries }) => entries)) {
      if (!isBelow(canonicalName(entry.key))) continue
      const name = splitName(entry.key).slice(depth).map(memberName).join('.')
      if (!members.has(name)) members.set(name, this.find(entry.key) ?? entry)
    }
    return members
  }

  /** The part of an entry's key below a prefix of `depth` parts, each part in its chosen spelling. */
  keyBelow (entry: Entry, depth: number): string {
    return joinName(this.#partsBelow(entry, depth))
  }

  /** The same with the names that a map has. */
  memberBelow (entry: Entry, depth: number): string {
    return joinName(this.#partsBelow(entry, depth).map(part => ({ ...part, text: memberName(part) })))
  }

  #partsBelow ({ canonical }: Entry, depth: number): NamePart[] {
    let path = ''
    return splitName(canonical).map(part => {
      path = appendPart(path, part)
      return this.#spellings.get(path) ?? part
    }).slice(depth)
  }
}

function first<T> (sources: readonly SourceNames[], ask: (source: SourceNames) => T | undefined): T | undefined {
  for (const source of sources) {
    const answer = ask(source)
    if (answer !== undefined) return answer
  }
  return undefined
}

const listOf = (canonical: string): string => /^(.*?)\[\d+\]/.exec(canonical)?.[1] ?? canonical

function belowTest (prefix: string): (canonical: string) => boolean {
  const start = canonicalName(prefix)
  return canonical => start === '' ||
    (canonical.startsWith(start) && (canonical[start.length] === '.' || canonical[start.length] === '['))
}
