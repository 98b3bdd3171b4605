/** The keys of the server: which one encrypts and decrypts a value with these prefixes. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { createTextCipher } from '@breakwater/starter/settings'
import { error } from '../errors.ts'
import { AEAD, createAeadEncryptor } from './aead.ts'
import type { Encryptor } from './encryptor.ts'
import { createRsaEncryptor, type RsaOptions } from './rsa.ts'

export interface EncryptOptions {
  /** `encrypt.key`: a password, or an RSA private key in PEM. @default none */
  readonly key?: string | undefined
  /** `encrypt.salt`. @default 'deadbeef' */
  readonly salt: string
  readonly rsa: RsaOptions
  /** `encrypt.key-store.*`: a PKCS12 file, instead of a key. @default none */
  readonly keyStore?: KeyStoreOptions | undefined
}

export interface KeyStoreOptions {
  readonly content: Buffer
  readonly location: string
  readonly password: string
  /** The key used when a value names none with `{key:alias}`. */
  readonly alias: string
}

export interface KeyRing {
  /** Whether any key is installed; without one `{cipher}` values go out as they are, for the clients to decrypt. */
  readonly installed: boolean
  /** Throws E_CIPHER_NO_KEY or E_CIPHER_UNKNOWN_KEY. */
  locate (prefixes: ReadonlyMap<string, string>): Encryptor
}

/** Opens the keys once, at start; a key in a wrong format stops the start. */
export async function createKeyRing (options: EncryptOptions): Promise<KeyRing> {
  if (options.keyStore !== undefined) return await storeRing(options.keyStore, options.rsa)
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

async function storeRing (options: KeyStoreOptions, rsa: RsaOptions): Promise<KeyRing> {
  const { readKeyStore } = await import('./key-store.ts')
  const keys = readKeyStore(options.content, options.password, options.location)
  const encryptors = new Map([...keys].map(([alias, key]) => [alias, createRsaEncryptor(key, rsa)]))
  if (!encryptors.has(options.alias.toLowerCase())) {
    throw error('E_CIPHER_STORE', [`it has no private key "${options.alias}"`], { where: options.location })
  }
  return {
    installed: true,
    locate (prefixes) {
      const found = encryptors.get((prefixes.get('key') ?? options.alias).toLowerCase())
      if (found === undefined) throw error('E_CIPHER_UNKNOWN_KEY')
      return found
    }
  }
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
