/** Private keys from a PKCS12 file, by alias. Java's older JKS is converted once with keytool (see the docs). */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import forge from 'node-forge'
import { error } from '../errors.ts'

/** Reads every RSA private key of a PKCS12 file; throws E_CIPHER_STORE when it cannot be opened. */
export function readKeyStore (content: Buffer, password: string, where: string): Map<string, KeyObject> {
  if (content.readUInt32BE(0) === 0xfeedfeed) {
    throw error('E_CIPHER_STORE', ['it is a JKS file'], { where })
  }
  try {
    return readPkcs12(content, password)
  } catch (cause) {
    throw error('E_CIPHER_STORE', ['it cannot be opened with this password'], { where, cause })
  }
}

function readPkcs12 (content: Buffer, password: string): Map<string, KeyObject> {
  const asn1 = forge.asn1.fromDer(content.toString('binary'))
  const store = forge.pkcs12.pkcs12FromAsn1(asn1, password)
  const keys = new Map<string, KeyObject>()
  for (const type of [forge.pki.oids['pkcs8ShroudedKeyBag'], forge.pki.oids['keyBag']]) {
    for (const bag of store.getBags({ bagType: type! })[type!] ?? []) {
      const alias = (bag.attributes as Record<string, string[]>)['friendlyName']?.[0] ?? ''
      if (bag.key != null) keys.set(alias.toLowerCase(), createPrivateKey(forge.pki.privateKeyToPem(bag.key)))
    }
  }
  return keys
}
