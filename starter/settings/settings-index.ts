import { canonicalName, ENVIRONMENT, splitName } from './relaxed.ts'
import type { Property, PropertySource } from './types.ts'

/** One effective property: who set it, how the key was written, where its source stands in the order. */
export interface Entry {
  readonly key: string
  readonly canonical: string
  readonly property: Property
  readonly rank: number
}

/** All effective properties of an ordered list of sources, by canonical name. */
export interface SettingsIndex {
  readonly entries: ReadonlyMap<string, Entry>
  /** How each part of a key is written, by canonical path: files decide, the environment only knows capitals. */
  readonly spellings: ReadonlyMap<string, string>
}

/**
 * Merges sources, highest priority first. A list is never mixed from two sources: the highest source that has any
 * item of it, or a comma text for it, gives all of it (Spring's binder does the same).
 */
export function indexSources (sources: readonly PropertySource[]): SettingsIndex {
  const written = sources.filter(source => source.name !== ENVIRONMENT)
  const spellings = new Map<string, string>()
  const dashed = new Map<string, string>()
  for (const key of written.flatMap(source => [...source.properties.keys()])) {
    spell(key, spellings)
    if (key.includes('-')) dashed.set(canonicalName(key.replaceAll('-', '.')), canonicalName(key))
  }
  const entries = new Map<string, Entry>()
  const claims = new Map<string, number>()
  sources.forEach((source, rank) => {
    for (const [key, property] of source.properties) {
      const name = canonicalName(key)
      // FETCH_REGISTRY may stand for a dash or a dot: what another source writes with a dash tells which.
      const canonical = source.name === ENVIRONMENT ? dashed.get(name) ?? name : name
      addEntry(entries, claims, { key, canonical, property, rank })
    }
  })
  for (const { key, canonical } of entries.values()) if (canonicalName(key) === canonical) spell(key, spellings)
  return { entries, spellings }
}

function addEntry (entries: Map<string, Entry>, claims: Map<string, number>, entry: Entry): void {
  const list = /^(.*?)\[\d+\]/.exec(entry.canonical)?.[1] ?? entry.canonical
  const claim = claims.get(list)
  if (claim !== undefined && claim !== entry.rank) return
  claims.set(list, entry.rank)
  // Within one source the later of two spellings wins, as in a Java map filled in order.
  entries.set(entry.canonical, entry)
}

function spell (key: string, spellings: Map<string, string>): void {
  let path = ''
  for (const part of splitName(key)) {
    const text = part.bracket ? `[${part.text}]` : part.text
    path = join(path, part.bracket ? text : canonicalName(text))
    if (!spellings.has(path)) spellings.set(path, text)
  }
}

const join = (path: string, part: string): string =>
  path === '' || part.startsWith('[') ? path + part : `${path}.${part}`

/** The part of an entry's key below a prefix of `depth` parts, each part in its chosen spelling. */
export function keyBelow (index: SettingsIndex, entry: Entry, depth: number): string {
  let path = ''
  let below = ''
  splitName(entry.canonical).forEach((part, at) => {
    path = join(path, part.bracket ? `[${part.text}]` : part.text)
    if (at >= depth) below = join(below, index.spellings.get(path) ?? part.text)
  })
  return below
}
