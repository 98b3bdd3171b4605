/**
 * Spring's password based text encryption: AES-256 with a key from PBKDF2-HMAC-SHA1, 1024 rounds, the result
 * `IV || cipher text`. CBC is what `encrypt.key` uses and carries no proof of integrity. The config server and the
 * services that decrypt for themselves have this one implementation.
 */
import { createCipheriv, createDecipheriv, pbkdf2Sync, randomBytes } from 'node:crypto'

const ROUNDS = 1024
const IV_BYTES = 16

/** Encrypts and decrypts single texts; a failure is thrown without telling its cause apart. */
export interface TextCipher {
  readonly encrypt: (plain: string) => string
  readonly decrypt: (cipher: string) => string
}

/** What `encrypt.key` and `encrypt.salt` give: hex of `IV || AES-256-CBC`, as every Spring client reads it. */
export function createTextCipher (password: string, salt: string): TextCipher {
  const key = deriveKey(password, saltBytes(salt))
  return {
    encrypt: plain => sealCbc(key, Buffer.from(plain)).toString('hex'),
    decrypt: cipher => utf8(openCbc(key, fromHex(cipher)))
  }
}

/** The AES key of a password; half a millisecond on purpose, so it is derived once for each password. */
export function deriveKey (password: string, salt: Buffer): Buffer {
  return pbkdf2Sync(password, salt, ROUNDS, 32, 'sha1')
}

/** A salt setting as bytes: hex where it is hex, else the bytes of its text (what Spring's RSA encryptor does). */
export function saltBytes (salt: string): Buffer {
  return /^(?:[0-9a-f]{2})+$/i.test(salt) ? Buffer.from(salt, 'hex') : Buffer.from(salt)
}

export function sealCbc (key: Buffer, plain: Buffer, iv: Buffer = randomBytes(IV_BYTES)): Buffer {
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  return Buffer.concat([iv, cipher.update(plain), cipher.final()])
}

export function openCbc (key: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-cbc', key, sealed.subarray(0, IV_BYTES))
  return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES)), decipher.final()])
}

/** Text of decrypted bytes. A wrong key can pass CBC's padding by chance; what comes out is then hardly ever UTF-8. */
export function utf8 (bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}

function fromHex (text: string): Buffer {
  if (!/^(?:[0-9a-f]{2})+$/i.test(text)) throw new TypeError('not hexadecimal')
  return Buffer.from(text, 'hex')
}
