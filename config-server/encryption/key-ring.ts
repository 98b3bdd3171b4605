/** The keys of the server: which one encrypts and decrypts a value with these prefixes. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { createTextCipher } from '@breakwater/starter/settings'
import { error } from '../errors.ts'
import { AEAD, createAeadEncryptor } from './aead.ts'
import type { Encryptor } from './encryptor.ts'
import { openStore } from './key-store.ts'
import { createRsaEncryptor, type RsaOptions } from './rsa.ts'

// Values name their keys: what they name must not grow without bound.
const MAX_OPEN_KEYS = 100

export interface EncryptOptions {
  /** `encrypt.key`: a password, or an RSA private key in PEM. @default none */
  readonly key?: string | undefined
  /** `encrypt.salt`. @default 'deadbeef' */
  readonly salt: string
  readonly rsa: RsaOptions
  /** `encrypt.key-store.*`: a PKCS12 or JKS file, instead of a key. @default none */
  readonly keyStore?: KeyStoreOptions | undefined
}

export interface KeyStoreOptions {
  readonly content: Buffer
  readonly location: string
  readonly password: string
  /** `encrypt.key-store.secret`: of the key, where it has its own. @default the password */
  readonly secret: string
  /** The key used when a value names none with `{key:alias}`. */
  readonly alias: string
}

export interface KeyRing {
  /** Whether any key is installed. */
  readonly installed: boolean
  /** Throws E_CIPHER_NO_KEY or E_CIPHER_UNKNOWN_KEY. */
  locate (prefixes: ReadonlyMap<string, string>): Encryptor
}

/** Opens the keys once, at start; a key in a wrong format stops the start. `maxOpen` bounds those that values name. */
export async function createKeyRing (options: EncryptOptions, maxOpen = MAX_OPEN_KEYS): Promise<KeyRing> {
  if (options.keyStore !== undefined) return await storeRing(options.keyStore, options.rsa, maxOpen)
  if (options.key === undefined || options.key === '') return noRing()
  return /PRIVATE KEY|PUBLIC KEY|^ssh-/.test(options.key) ? pemRing(options.key, options.rsa) : passwordRing(options.key, options.salt)
}

function noRing (): KeyRing {
  return { installed: false, locate () { throw error('E_CIPHER_NO_KEY') } }
}

async function passwordRing (password: string, salt: string): Promise<KeyRing> {
  const { encrypt, decrypt } = createTextCipher(password, salt)
  const text: Encryptor = { encrypt: async plain => encrypt(plain), decrypt: async cipher => decrypt(cipher) }
  const aead = await createAeadEncryptor(password, salt)
  return { installed: true, locate: prefixes => prefixes.get('alg') === AEAD ? aead : text }
}

function pemRing (pem: string, rsa: RsaOptions): KeyRing {
  const encryptor = createRsaEncryptor(readPem(pem), rsa)
  return { installed: true, locate: () => encryptor }
}

// A value may name the key and its password itself: `{key:alias}{secret:password}`.
async function storeRing (options: KeyStoreOptions, rsa: RsaOptions, maxOpen: number): Promise<KeyRing> {
  const store = openStore(options.content, options.password, options.location)
  const open = (alias: string, secret: string): Encryptor | undefined => {
    const key = store.key(alias.toLowerCase(), secret)
    return key === undefined ? undefined : createRsaEncryptor(key, rsa)
  }
  const own = ownEncryptor(options, open)
  const others = new Map<string, Encryptor>()
  return {
    installed: true,
    locate (prefixes) {
      const [alias, secret] = [prefixes.get('key') ?? options.alias, prefixes.get('secret') ?? options.secret]
      if (alias.toLowerCase() === options.alias.toLowerCase() && secret === options.secret) return own
      const name = JSON.stringify([alias, secret])
      const known = others.get(name)
      if (known !== undefined) return known
      const found = orUnknown(() => open(alias, secret))
      if (others.size >= maxOpen) others.clear()
      others.set(name, found)
      return found
    }
  }
}

function ownEncryptor (
  { alias, secret, location }: KeyStoreOptions, open: (alias: string, secret: string) => Encryptor | undefined
): Encryptor {
  try {
    const found = open(alias, secret)
    if (found !== undefined) return found
  } catch (cause) {
    throw error('E_CIPHER_STORE', [`the private key "${alias}" has another password`], { where: location, cause })
  }
  throw error('E_CIPHER_STORE', [`it has no private key "${alias}"`], { where: location })
}

// No such key and not its password look the same from outside.
function orUnknown (open: () => Encryptor | undefined): Encryptor {
  try {
    const found = open()
    if (found !== undefined) return found
  } catch {
    // The same answer.
  }
  throw error('E_CIPHER_UNKNOWN_KEY')
}

// Environment variables and YAML often lose the line breaks of a PEM block, so they are put back.
function readPem (pem: string): KeyObject {
  try {
    const [, label = '', body = ''] = /-----BEGIN ([A-Z ]+)-----([\s\S]*?)-----END/.exec(pem.replaceAll('\\n', '\n')) ?? []
    const lines = body.replace(/\s+/g, '').match(/.{1,64}/g)?.join('\n') ?? ''
    return createPrivateKey(`-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`)
  } catch (cause) {
    throw error('E_CIPHER_FORMAT', [], { cause })
  }
}
