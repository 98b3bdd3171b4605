/** Replaces `{cipher}` values. One that cannot be read becomes `invalid.<key>: <n/a>`: the rest is still served. */
import { CIPHER, readPrefixes, type Property, type PropertySource } from '@breakwater/starter/settings'
import type { Environment } from '../environment/environment.ts'
import type { KeyRing } from './key-ring.ts'

export interface DecryptOptions {
  /** `encrypt.prefix-invalid-properties`: whether such a key gets `invalid.` in front. @default true */
  readonly prefixInvalid: boolean
  /** Told of every value that could not be decrypted, by source and key; never the value. */
  readonly onFailure: (source: string, key: string) => void
}

/** The environment with its values decrypted; sources without ciphers are the same objects. */
export async function decryptEnvironment (
  environment: Environment, keys: KeyRing, options: DecryptOptions
): Promise<Environment> {
  if (!keys.installed || !environment.sources.some(hasCipher)) return environment
  const sources = await Promise.all(environment.sources.map(async source =>
    hasCipher(source) ? decryptSource(source, keys, options) : source))
  return { ...environment, sources, secrets: environment.secrets + countCiphers(environment.sources) }
}

function countCiphers (sources: readonly PropertySource[]): number {
  return sources.reduce((sum, { properties }) =>
    sum + [...properties.values()].filter(({ value }) => value.text.startsWith(CIPHER)).length, 0)
}

function hasCipher (source: PropertySource): boolean {
  for (const { value } of source.properties.values()) if (value.text.startsWith(CIPHER)) return true
  return false
}

// Decrypted keys move behind the others, as in Spring, and lose their place in the file.
async function decryptSource (source: PropertySource, keys: KeyRing, options: DecryptOptions): Promise<PropertySource> {
  const plain = new Map<string, Property>()
  const decrypted = new Map<string, Property>()
  for (const [key, property] of source.properties) {
    if (!property.value.text.startsWith(CIPHER)) {
      plain.set(key, property)
      continue
    }
    const text = await decryptValue(property.value.text, keys)
    if (text === undefined) options.onFailure(source.name, key)
    const name = text === undefined && options.prefixInvalid ? `invalid.${key}` : key
    decrypted.set(name, { value: { kind: 'string', text: text ?? '<n/a>' }, origin: { source: source.name } })
  }
  return { name: source.name, properties: new Map([...plain, ...decrypted]) }
}

/** The plain text of a `{cipher}` value; undefined for every kind of failure alike. */
export async function decryptValue (value: string, keys: KeyRing): Promise<string | undefined> {
  try {
    const { prefixes, text } = readPrefixes(value.slice(CIPHER.length))
    return await keys.locate(prefixes).decrypt(text)
  } catch {
    return undefined
  }
}
