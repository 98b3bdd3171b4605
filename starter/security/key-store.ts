/**
 * Spring's key stores: PKCS12 files with a password, as Java's keytool writes them. What is in them comes out as PEM,
 * so that nothing behind has to know where a certificate came from.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createRequire } from 'node:module'
import type forge from 'node-forge'
import { starterError } from '../starter-errors.ts'

/** A key with its chain, its own certificate first. */
export interface KeyEntry {
  readonly key: string
  readonly cert: string
}

export interface KeyStore {
  /** The key of an alias, of any case, or the first one; undefined when there is none. */
  readonly entry: (alias?: string) => KeyEntry | undefined
  /** All certificates, for a store of authorities. */
  readonly certificates: string
}

type Bag = forge.pkcs12.Bag & { readonly asn1: forge.asn1.Asn1 }

/** JKS, Java's own format until Java 8. */
const JKS_MAGIC = 0xfeedfeed

/** Opens a PKCS12 file. Throws E_KEY_STORE when it is none, or the password is another; `where` is the setting. */
export function openKeyStore (content: Buffer, password: string, where: string | undefined): KeyStore {
  if (content.length > 4 && content.readUInt32BE(0) === JKS_MAGIC) {
    throw keyStoreError('it is a JKS file: convert it by keytool -importkeystore -deststoretype PKCS12', where)
  }
  const lib = library(where)
  try {
    return contentOf(lib, lib.pkcs12.pkcs12FromAsn1(lib.asn1.fromDer(content.toString('binary')), password))
  } catch (cause) {
    throw keyStoreError('it is no PKCS12 file, or has another password', where, cause)
  }
}

function keyStoreError (reason: string, where: string | undefined, cause?: unknown): Error {
  return starterError('E_KEY_STORE', [reason], { ...(where === undefined ? {} : { where }), cause })
}

/** Only who has a key store needs it. */
function library (where: string | undefined): typeof forge {
  try {
    return createRequire(import.meta.url)('node-forge') as typeof forge
  } catch (cause) {
    throw starterError('E_PACKAGE_MISSING', ['a key store', 'node-forge', 'node-forge'], { ...(where === undefined ? {} : { where }), cause })
  }
}

function contentOf (lib: typeof forge, store: forge.pkcs12.Pkcs12Pfx): KeyStore {
  const bags = (name: string): Bag[] => {
    const bagType = lib.pki.oids[name]!
    return (store.getBags({ bagType })[bagType] ?? []) as Bag[]
  }
  const certificates = bags('certBag').map(bag => ({ bag, pem: certificatePem(lib, bag) }))
  const keys = [...bags('pkcs8ShroudedKeyBag'), ...bags('keyBag')]
  return {
    certificates: certificates.map(({ pem }) => pem).join(''),
    entry: alias => {
      const bag = keys.find(one => alias === undefined || attribute(one, 'friendlyName')?.toLowerCase() === alias.toLowerCase())
      if (bag === undefined) return undefined
      const id = attribute(bag, 'localKeyId')
      const own = certificates.filter(one => attribute(one.bag, 'localKeyId') === id)
      // What belongs to no key is an authority's; other keys' certificates are none of its chain.
      const chain = certificates.filter(one => attribute(one.bag, 'localKeyId') === undefined)
      return { key: keyPem(lib, bag), cert: [...own, ...chain].map(({ pem }) => pem).join('') }
    }
  }
}

function attribute ({ attributes }: Bag, name: string): string | undefined {
  return (attributes as Record<string, string[] | undefined>)[name]?.[0]
}

/** The library itself understands RSA alone; Node understands all. */
function keyPem (lib: typeof forge, { key, asn1 }: Bag): string {
  const info = key == null ? asn1 : lib.pki.wrapRsaPrivateKey(lib.pki.privateKeyToAsn1(key))
  const der = Buffer.from(lib.asn1.toDer(info).getBytes(), 'binary')
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' }) as string
}

function certificatePem (lib: typeof forge, { cert, asn1 }: Bag): string {
  const der = lib.asn1.toDer(cert == null ? asn1 : lib.pki.certificateToAsn1(cert)).getBytes()
  return new X509Certificate(Buffer.from(der, 'binary')).toString()
}
