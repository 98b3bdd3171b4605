/**
 * Fills `{vault}:key#field` values, as Spring's VaultEnvironmentEncryptor does: they stand in files and mean a field of
 * a secret in Vault. What cannot be had becomes `invalid.<key>: <n/a>`, like a cipher that cannot be read. The server's
 * own environment variables are not filled into such a reference, which Spring would do.
 */
import type { Property } from '@breakwater/starter/settings'
import type { Asker, ReadSecrets } from '../backends/backend.ts'
import { isUnsafe } from '../environment/ask.ts'
import type { Environment } from '../environment/environment.ts'
import { replaceValues, type ReplaceOptions } from './replace-values.ts'

/** What a reference begins with. */
export const REFERENCE = '{vault}'

/** The environment with its references filled, each key of Vault read once. */
export async function fillReferences (
  environment: Environment, read: ReadSecrets, asker: Asker, options: ReplaceOptions
): Promise<Environment> {
  const known = new Map<string, Promise<ReadonlyMap<string, Property>>>()
  return replaceValues(environment, REFERENCE, options, async value => {
    const [, key = '', field = ''] = /^:([^#]+)#(.+)$/s.exec(value.slice(REFERENCE.length)) ?? []
    if (key === '' || isUnsafe(key)) return undefined
    const found = known.get(key) ?? read(key, asker)
    known.set(key, found)
    return (await found).get(field)?.value.text
  })
}
