import { createDecipheriv, pbkdf2Sync } from 'node:crypto'
import { settingsError } from './errors.ts'
import type { Settings } from './settings.ts'
import { formatOrigin } from './types.ts'
import type { Property, PropertySource } from './types.ts'

const PREFIX = '{cipher}'

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
  const salt = Buffer.from(settings.string('encrypt.salt', 'deadbeef'), 'hex')
  const key = pbkdf2Sync(secret, salt, 1024, 32, 'sha1')
  const mustWork = settings.boolean('encrypt.fail-on-error', true)
  return { sources: sources.map(source => decryptSource(source, key, mustWork)), warnings: [] }
}

const isEncrypted = ({ value }: Property): boolean => value.kind === 'string' && value.text.startsWith(PREFIX)

function decryptSource (source: PropertySource, key: Buffer, mustWork: boolean): PropertySource {
  if (![...source.properties.values()].some(isEncrypted)) return source
  const properties = new Map<string, Property>()
  for (const [name, property] of source.properties) {
    properties.set(name, isEncrypted(property) ? decryptProperty(name, property, key, mustWork) : property)
  }
  return { name: source.name, properties }
}

/** Where a failure is to be borne the value is empty: a cipher must not become a password by accident. */
function decryptProperty (name: string, property: Property, key: Buffer, mustWork: boolean): Property {
  const text = decrypt(property.value.text.slice(PREFIX.length), key)
  if (text === undefined && mustWork) {
    throw settingsError('E_CONFIG_CIPHER', [name], { where: formatOrigin(property.origin) })
  }
  return { value: { kind: 'string', text: text ?? '' }, origin: property.origin, secret: true }
}

/** Undefined for any failure: which step failed is nothing to tell. */
function decrypt (cipher: string, key: Buffer): string | undefined {
  const bytes = Buffer.from(cipher.replace(/^(?:\{[^{}:]*:[^{}]*\})+/, ''), 'hex')
  if (bytes.length < 32) return undefined
  try {
    const decipher = createDecipheriv('aes-256-cbc', key, bytes.subarray(0, 16))
    return Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]).toString('utf8')
  } catch {
    return undefined
  }
}
