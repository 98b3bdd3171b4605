import { appendPart, canonicalName, canonicalPart, isCanonical, isReachable, joinName, splitName } from './relaxed.ts'
import type { NamePart } from './relaxed.ts'
import type { Property, PropertySource } from './types.ts'
import { environmentKey, formsOf, variableForm, writtenIn } from './variables.ts'

/** One property under the name it goes by: who set it, how the key was written, where its source stands. */
export interface Entry {
  /** As written; of a variable the key that it stands for. */
  readonly key: string
  readonly canonical: string
  readonly property: Property
  /** Place of its source, 0 for the highest priority. */
  readonly rank: number
}

/** The properties of one source, to be asked by their names. */
export interface SourceNames {
  /** All that relaxed names reach, in the source's order; one for each spelling. */
  readonly entries: readonly Entry[]
  /** What a name means, whatever its spelling. */
  find (key: string): Entry | undefined
  /** What stands under this name as it is written. */
  written (key: string): Entry | undefined
  /** Indices of the items that a list has here, ascending. */
  indices (list: string): number[]
}

/** A file, the command line, a config server's answer: keys are written as they are meant. */
export class WrittenNames implements SourceNames {
  readonly entries: readonly Entry[]
  readonly #byName = new Map<string, Entry>()
  readonly #byKey = new Map<string, Entry>()

  constructor ({ properties }: PropertySource, rank: number) {
    const entries: Entry[] = []
    for (const [key, property] of properties) {
      const parts = splitName(key)
      const entry = { key, canonical: joinName(parts.map(canonicalPart)), property, rank }
      this.#byKey.set(key, entry)
      if (isReachable(key, parts)) entries.push(entry)
    }
    this.entries = entries
    for (const entry of entries) this.#add(entry)
  }

  /** Of several spellings of one name the one that needs no relaxed rules is meant, then the first. */
  #add (entry: Entry): void {
    const known = this.#byName.get(entry.canonical)
    if (known !== undefined && (isCanonical(known.key) || !isCanonical(entry.key))) return
    this.#byName.set(entry.canonical, entry)
  }

  find (key: string): Entry | undefined {
    return this.#byName.get(canonicalName(key))
  }

  written (key: string): Entry | undefined {
    return this.#byKey.get(key)
  }

  indices (list: string): number[] {
    const start = `${canonicalName(list)}[`
    const items = [...this.#byName.keys()].filter(name => name.startsWith(start))
    return ascending(items.map(name => name.slice(start.length, -1)))
  }
}

/** The environment: one variable may be meant by several keys, as its `_` stands for a dot or for a dash. */
export class VariableNames implements SourceNames {
  readonly entries: readonly Entry[]
  readonly #source: PropertySource
  readonly #byForm = new Map<string, Entry>()
  /** By keys that other sources write: `fetchRegistry` finds FETCH_REGISTRY where a file has fetch-registry. */
  readonly #byName = new Map<string, Entry>()
  readonly #byProperty = new Map<Property, Entry>()

  /** @param meant keys that other sources write, by the forms of variables that mean them */
  constructor (source: PropertySource, rank: number, meant: ReadonlyMap<string, string>) {
    this.#source = source
    for (const [name, property] of source.properties) this.#add(name, property, rank, meant)
    this.entries = [...this.#byForm.values()]
  }

  #add (name: string, property: Property, rank: number, meant: ReadonlyMap<string, string>): void {
    const key = environmentKey(name)
    const form = variableForm(name)
    const canonical = key === undefined ? '' : meantKey(form, meant) ?? canonicalName(key)
    const entry = { key: key ?? name, canonical, property, rank }
    this.#byProperty.set(property, entry)
    if (key === undefined || !isReachable(key, splitName(key))) return
    // Of `A_B` and `a_b` the one in capitals is meant.
    if (this.#byForm.has(form) && name !== name.toUpperCase()) return
    this.#byForm.set(form, entry)
    this.#byName.set(canonical, entry)
  }

  find (key: string): Entry | undefined {
    const forms = formsOf(splitName(key))
    return forms.map(form => this.#byForm.get(form)).find(entry => entry !== undefined) ??
      this.#byName.get(canonicalName(key))
  }

  written (key: string): Entry | undefined {
    const property = writtenIn(this.#source, key)
    return property === undefined ? undefined : this.#byProperty.get(property)
  }

  indices (list: string): number[] {
    const starts = formsOf(splitName(list)).map(form => `${form}_`)
    return ascending([...this.#byForm.keys()].flatMap(form =>
      starts.filter(start => form.startsWith(start)).map(start => form.slice(start.length))))
  }
}

const ascending = (texts: readonly string[]): number[] =>
  [...new Set(texts.filter(text => /^\d+$/.test(text)).map(Number))].toSorted((a, b) => a - b)

/** The canonical key of a variable whose beginning is meant by a key of another source. */
function meantKey (form: string, meant: ReadonlyMap<string, string>): string | undefined {
  for (let end = form.length; end > 0; end = form.lastIndexOf('_', end - 1)) {
    const key = meant.get(form.slice(0, end))
    if (key === undefined) continue
    return joinName([...splitName(key), ...splitName(environmentKey(`x${form.slice(end)}`) ?? '').slice(1)])
  }
  return undefined
}

/** A part that a variable alone would not be read as: it has a dash, or is in brackets and no number. */
const isAmbiguous = ({ text, bracket }: NamePart): boolean => bracket ? !/^\d+$/.test(text) : /[-_]|^\d+$/.test(text)

/**
 * The keys that written keys and their beginnings stand for where a variable alone would be read otherwise, by the
 * forms of those variables: `a_time_out` is `a.timeout` where a file has `a.time-out`.
 */
export function meantByForm (keys: Iterable<string>): ReadonlyMap<string, string> {
  const meant = new Map<string, string>()
  const seen = new Set<string>()
  for (const key of keys) {
    const parts = splitName(key)
    let canonical = ''
    for (let at = 0, begin = ''; at < parts.length; at++) {
      const part = parts[at] as NamePart
      begin = appendPart(begin, part)
      canonical = appendPart(canonical, canonicalPart(part))
      if (seen.has(begin) || !parts.slice(0, at + 1).some(isAmbiguous)) continue
      seen.add(begin)
      for (const form of formsOf(parts.slice(0, at + 1))) if (!meant.has(form)) meant.set(form, canonical)
    }
  }
  return meant
}
