/**
 * Our own form, `{cipher}{alg:gcm}...`: AES-256-GCM under a key from scrypt, so a changed cipher text is noticed and
 * guessing a password is dear. Only this server reads it; values for Spring's own tools keep Spring's forms.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt, type ScryptOptions } from 'node:crypto'
import { promisify } from 'node:util'
import { utf8 } from '@breakwater/starter/settings'
import type { Encryptor } from './encryptor.ts'

/** The value of `{alg:...}` that selects this form. */
export const AEAD = 'gcm'

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)
const NONCE_BYTES = 12
const TAG_BYTES = 16
const VERSION = Buffer.from('breakwater-config-1')

export async function createAeadEncryptor (password: string, salt: string): Promise<Encryptor> {
  const key = await derive(password, Buffer.concat([VERSION, Buffer.from(salt)]), 32, { N: 16_384, r: 8, p: 1 })
  return {
    async encrypt (plain) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(VERSION)
      return Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64url')
    },
    async decrypt (text) {
      const bytes = Buffer.from(text, 'base64url')
      if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new RangeError('too short')
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      decipher.setAAD(VERSION).setAuthTag(bytes.subarray(-TAG_BYTES))
      return utf8(Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]))
    }
  }
}
