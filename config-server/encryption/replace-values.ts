/** Values with a mark in front replaced by what they stand for; one that cannot be had spoils only itself. */
import type { Property, PropertySource } from '@breakwater/starter/settings'
import type { Environment } from '../environment/environment.ts'

export interface ReplaceOptions {
  /** `encrypt.prefix-invalid-properties`: whether such a key gets `invalid.` in front. @default true */
  readonly prefixInvalid: boolean
  /** Told of every value that could not be had, by source and key; never the value. */
  readonly onFailure: (source: string, key: string) => void
}

/** What a marked value stands for; undefined, or rejecting, when that cannot be told. */
export type Replace = (value: string) => Promise<string | undefined>

/** The environment with all values replaced that begin with `mark`; sources without one are the same objects. */
export async function replaceValues (
  environment: Environment, mark: string, options: ReplaceOptions, replace: Replace
): Promise<Environment> {
  const marked = environment.sources.map(({ properties }) => countMarked(properties, mark))
  const count = marked.reduce((sum, one) => sum + one, 0)
  if (count === 0) return environment
  const sources = await Promise.all(environment.sources.map(async (source, index) =>
    marked[index] === 0 ? source : replaceInSource(source, mark, options, replace)))
  return { ...environment, sources, secrets: environment.secrets + count }
}

function countMarked (properties: ReadonlyMap<string, Property>, mark: string): number {
  let count = 0
  for (const { value } of properties.values()) if (value.text.startsWith(mark)) count++
  return count
}

// Replaced keys move behind the others, as in Spring, and lose their place in the file.
async function replaceInSource (
  source: PropertySource, mark: string, options: ReplaceOptions, replace: Replace
): Promise<PropertySource> {
  const plain = new Map<string, Property>()
  const replaced = new Map<string, Property>()
  for (const [key, property] of source.properties) {
    if (!property.value.text.startsWith(mark)) {
      plain.set(key, property)
      continue
    }
    const text = await replace(property.value.text).catch(() => undefined)
    if (text === undefined) options.onFailure(source.name, key)
    const name = text === undefined && options.prefixInvalid ? `invalid.${key}` : key
    replaced.set(name, { value: { kind: 'string', text: text ?? '<n/a>' }, origin: { source: source.name } })
  }
  return { name: source.name, properties: new Map([...plain, ...replaced]) }
}
