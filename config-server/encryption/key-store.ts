/** Private keys from a PKCS12 or JKS file, by alias. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import forge from 'node-forge'
import { error } from '../errors.ts'
import { isJks, openJksKey, readJks } from './jks.ts'

export interface KeyStore {
  /** The key under an alias in lower case, undefined when there is none; throws when the secret is not its own. */
  key (alias: string, secret: string): KeyObject | undefined
}

/** Opens a store; throws E_CIPHER_STORE when it cannot be. */
export function openKeyStore (content: Buffer, password: string, where: string): KeyStore {
  try {
    return isJks(content) ? jksStore(content, password) : pkcs12Store(content, password)
  } catch (cause) {
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
  const asn1 = forge.asn1.fromDer(content.toString('binary'))
  const store = forge.pkcs12.pkcs12FromAsn1(asn1, password)
  const keys = new Map<string, KeyObject>()
  for (const type of [forge.pki.oids['pkcs8ShroudedKeyBag'], forge.pki.oids['keyBag']]) {
    for (const bag of store.getBags({ bagType: type! })[type!] ?? []) {
      const alias = (bag.attributes as Record<string, string[]>)['friendlyName']?.[0] ?? ''
      if (bag.key != null) keys.set(alias.toLowerCase(), createPrivateKey(forge.pki.privateKeyToPem(bag.key)))
    }
  }
  return { key: alias => keys.get(alias) }
}
