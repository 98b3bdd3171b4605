/** An answered question, before it is written in one of the forms. */
import type { Property, PropertySource } from '@breakwater/starter/settings'
import type { BreakwaterError } from '@breakwater/starter/errors'
import type { Ask } from './ask.ts'

export interface Environment {
  readonly name: string
  /** Spring sends the raw comma text as the one element of its list. */
  readonly profile: string
  readonly label: string | null
  readonly version: string | null
  readonly state: string | null
  /** Highest priority first. */
  readonly sources: readonly PropertySource[]
  /** How many values were secrets: decrypted here or read from a store of secrets. */
  readonly secrets: number
}

/** Something of a question that cannot be served. */
export interface Broken {
  /** The files that it may lie in: an earlier state without any of them would leave them out without a word. */
  readonly files: readonly string[]
  readonly problem: BreakwaterError
}

/** The JSON Schema of an application. */
export interface SchemaFile {
  readonly file: string
  /** Undefined when it is larger than the limit. */
  readonly content: Buffer | undefined
}

/** What a back end found for a question. */
export interface Found {
  readonly version: string | null
  readonly state: string | null
  readonly sources: readonly PropertySource[]
  /** How many of the values come from a store of secrets. Default 0. */
  readonly secrets?: number
  /** The configuration files that were there, also the broken ones. Default none: the store has no files. */
  readonly files?: readonly string[]
  /** What keeps it from being served. Default nothing. */
  readonly broken?: readonly Broken[]
  /** Schemas of the same state, by application: one made stricter judges no earlier state. Default none. */
  readonly schemas?: ReadonlyMap<string, SchemaFile>
}

/** The name under which the server's own overrides come first; clients treat it as belonging to every profile. */
export const OVERRIDES = 'overrides'

/** Puts the overrides on top and makes every name its own, as clients silently drop equal names. */
export function toEnvironment (ask: Ask, found: Found, overrides?: ReadonlyMap<string, Property>): Environment {
  const own = overrides === undefined || overrides.size === 0 ? [] : [{ name: OVERRIDES, properties: overrides }]
  return {
    name: ask.name,
    profile: ask.profile,
    label: ask.label,
    version: found.version,
    state: found.state,
    sources: uniqueNames([...own, ...found.sources]),
    secrets: found.secrets ?? 0
  }
}

// The number goes into the folder part: the Go client finds sources by the end of their name.
function uniqueNames (sources: readonly PropertySource[]): PropertySource[] {
  const seen = new Map<string, number>()
  return sources.map(source => {
    const count = (seen.get(source.name) ?? 0) + 1
    seen.set(source.name, count)
    return count === 1 ? source : { ...source, name: numbered(source.name, count) }
  })
}

function numbered (name: string, count: number): string {
  const slash = name.lastIndexOf('/')
  return slash < 0 ? `${name}@${count}` : `${name.slice(0, slash)}/@${count}${name.slice(slash)}`
}
