import { CIPHER, readPrefixes } from './cipher-prefix.ts'
import { settingsError } from './errors.ts'
import type { Settings } from './settings.ts'
import { createTextCipher, type TextCipher } from './text-cipher.ts'
import { formatOrigin } from './types.ts'
import type { Property, PropertySource } from './types.ts'

/**
 * Decrypts `{cipher}` values with the service's own `encrypt.key`, wherever they stand: a config server may hand
 * values out encrypted, so that it need not have the key. The form is Spring's symmetric one: hexadecimal
 * IV + AES-256-CBC, key by PBKDF2 with `encrypt.salt`.
 */
export function decryptSources (
  sources: readonly PropertySource[], settings: Settings
): { sources: readonly PropertySource[], warnings: readonly string[] } {
  const encrypted = sources.flatMap(({ properties }) => [...properties].filter(([, property]) => isEncrypted(property)))
  const secret = settings.get('encrypt.key')
  if (encrypted.length === 0) return { sources, warnings: [] }
  if (secret === undefined || secret === '' || secret.includes('PRIVATE KEY')) {
    const keys = encrypted.map(([key]) => key).join(', ')
    return { sources, warnings: [`encrypted values stay encrypted, as there is no symmetric encrypt.key: ${keys}`] }
  }
  const cipher = createTextCipher(secret, settings.string('encrypt.salt', 'deadbeef'))
  const mustWork = settings.boolean('encrypt.fail-on-error', true)
  return { sources: sources.map(source => decryptSource(source, cipher, mustWork)), warnings: [] }
}

const isEncrypted = ({ value }: Property): boolean => value.kind === 'string' && value.text.startsWith(CIPHER)

function decryptSource (source: PropertySource, cipher: TextCipher, mustWork: boolean): PropertySource {
  if (![...source.properties.values()].some(isEncrypted)) return source
  const properties = new Map<string, Property>()
  for (const [name, property] of source.properties) {
    properties.set(name, isEncrypted(property) ? decryptProperty(name, property, cipher, mustWork) : property)
  }
  return { name: source.name, properties }
}

/** Where a failure is to be borne the value is empty: a cipher must not become a password by accident. */
function decryptProperty (name: string, property: Property, cipher: TextCipher, mustWork: boolean): Property {
  const text = decrypt(property.value.text, cipher)
  if (text === undefined && mustWork) {
    throw settingsError('E_CONFIG_CIPHER', [name], { where: formatOrigin(property.origin) })
  }
  return { ...property, value: { kind: 'string', text: text ?? '' }, secret: true }
}

/** Undefined for any failure: which step failed is nothing to tell. */
function decrypt (value: string, cipher: TextCipher): string | undefined {
  try {
    return cipher.decrypt(readPrefixes(value.slice(CIPHER.length)).text)
  } catch {
    return undefined
  }
}
