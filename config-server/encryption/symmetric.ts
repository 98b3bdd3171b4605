/**
 * Spring's password based text encryption: AES-256 with a key from PBKDF2-HMAC-SHA1, 1024 rounds, the result
 * `IV || cipher text`. CBC is what `encrypt.key` uses and carries no proof of integrity; GCM is Spring's stronger kind.
 */
import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { Encryptor } from './encryptor.ts'

const derive = promisify(pbkdf2)
const ROUNDS = 1024
const IV_BYTES = 16
const TAG_BYTES = 16

/** The AES key of a password; deliberately slow, so it is derived once for each key and not for each value. */
export async function deriveKey (password: string, salt: Buffer): Promise<Buffer> {
  return derive(password, salt, ROUNDS, 32, 'sha1')
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

export function sealGcm (key: Buffer, plain: Buffer, iv: Buffer = randomBytes(IV_BYTES)): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES })
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

export function openGcm (key: Buffer, sealed: Buffer): Buffer {
  if (sealed.length < IV_BYTES + TAG_BYTES) throw new RangeError('too short')
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()])
}

/** What `encrypt.key` gives: hex of `IV || AES-256-CBC`, readable by every Spring client and server. */
export async function createTextEncryptor (password: string, salt: string): Promise<Encryptor> {
  const key = await deriveKey(password, saltBytes(salt))
  return {
    encrypt: async plain => sealCbc(key, Buffer.from(plain)).toString('hex'),
    decrypt: async cipher => utf8(openCbc(key, fromHex(cipher)))
  }
}

function fromHex (text: string): Buffer {
  if (!/^(?:[0-9a-f]{2})+$/i.test(text)) throw new TypeError('not hexadecimal')
  return Buffer.from(text, 'hex')
}

/** Text of decrypted bytes. A wrong key can pass CBC's padding by chance; what comes out is then hardly ever UTF-8. */
export function utf8 (bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
}
