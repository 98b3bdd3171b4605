/** Replaces `{cipher}` values. One that cannot be read becomes `invalid.<key>: <n/a>`: the rest is still served. */
import { CIPHER, readPrefixes } from '@breakwater/starter/settings'
import type { Environment } from '../environment/environment.ts'
import type { KeyRing } from './key-ring.ts'
import { replaceValues, type ReplaceOptions } from './replace-values.ts'

/** The environment with its values decrypted; without a key every one of them is invalid. */
export async function decryptEnvironment (
  environment: Environment, keys: KeyRing, options: ReplaceOptions
): Promise<Environment> {
  return replaceValues(environment, CIPHER, options, async value => decryptValue(value, keys))
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
