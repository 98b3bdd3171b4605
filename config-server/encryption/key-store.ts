/** Private keys from a PKCS12 or JKS file, by alias. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { openKeyStore } from '@breakwater/starter/security'
import { error } from '../errors.ts'
import { isJks, openJksKey, readJks } from './jks.ts'

export interface KeyStore {
  /** The key under an alias in lower case, undefined when there is none; throws when the secret is not its own. */
  key (alias: string, secret: string): KeyObject | undefined
}

/** Opens a store; throws E_CIPHER_STORE when it cannot be. */
export function openStore (content: Buffer, password: string, where: string): KeyStore {
  try {
    return isJks(content) ? jksStore(content, password) : pkcs12Store(content, password)
  } catch (cause) {
    if ((cause as { code?: string }).code === 'E_PACKAGE_MISSING') throw cause
    throw error('E_CIPHER_STORE', ['it cannot be opened with this password'], { where, cause })
  }
}

function jksStore (content: Buffer, password: string): KeyStore {
  const hidden = readJks(content, password)
  return {
    key (alias, secret) {
      const bytes = hidden.get(alias)
      return bytes === undefined ? undefined : openJksKey(bytes, secret)
    }
  }
}

// In a PKCS12 file the keys have the password of the store; keytool allows no other.
function pkcs12Store (content: Buffer, password: string): KeyStore {
  const store = openKeyStore(content, password, undefined)
  return {
    key (alias) {
      const entry = store.entry(alias)
      return entry === undefined ? undefined : createPrivateKey(entry.key)
    }
  }
}
