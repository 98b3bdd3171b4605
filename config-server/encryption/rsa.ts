/**
 * Spring's RSA form: base64 of `length || RSA(16 random bytes) || body`, the body encrypted with a password made of
 * those bytes. DEFAULT is PKCS#1 v1.5: OpenSSL's implicit rejection (Node 22.19 with OpenSSL 3.2 and later) gives
 * random bytes for bad padding, so a guesser learns nothing; still, OAEP with `strong` is what new data should use.
 */
import { constants, createPublicKey, privateDecrypt, publicEncrypt, randomBytes, type KeyObject } from 'node:crypto'
import { deriveKey, openCbc, saltBytes, sealCbc, utf8 } from '@breakwater/starter/settings'
import type { Encryptor } from './encryptor.ts'
import { openGcm, sealGcm } from './gcm.ts'

export interface RsaOptions {
  /** `encrypt.rsa.algorithm`: DEFAULT is PKCS#1 v1.5, OAEP is OAEP with SHA-1. @default 'DEFAULT' */
  readonly algorithm: 'DEFAULT' | 'OAEP'
  /** `encrypt.rsa.strong`: GCM instead of CBC for the body. @default false */
  readonly strong: boolean
  /** `encrypt.rsa.salt`. @default 'deadbeef' */
  readonly salt: string
}

const SECRET_BYTES = 16

export function createRsaEncryptor (key: KeyObject, options: RsaOptions): Encryptor {
  const padding = options.algorithm === 'OAEP'
    ? { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }
    : { padding: constants.RSA_PKCS1_PADDING }
  const salt = saltBytes(options.salt)
  const seal = options.strong ? sealGcm : sealCbc
  const open = options.strong ? openGcm : openCbc
  const publicKey = createPublicKey(key)
  return {
    publicKey: sshPublicKey(publicKey),
    async encrypt (plain) {
      const secret = randomBytes(SECRET_BYTES)
      const wrapped = publicEncrypt({ key: publicKey, ...padding }, secret)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(wrapped.length)
      const body = seal(deriveKey(secret.toString('hex'), salt), Buffer.from(plain))
      return Buffer.concat([length, wrapped, body]).toString('base64')
    },
    async decrypt (cipher) {
      const { wrapped, body } = split(fromBase64(cipher))
      const secret = privateDecrypt({ key, ...padding }, wrapped)
      return utf8(open(deriveKey(secret.toString('hex'), salt), body))
    }
  }
}

function split (bytes: Buffer): { wrapped: Buffer, body: Buffer } {
  const length = bytes.readUInt16BE(0)
  if (bytes.length <= 2 + length) throw new RangeError('too short')
  return { wrapped: bytes.subarray(2, 2 + length), body: bytes.subarray(2 + length) }
}

function fromBase64 (text: string): Buffer {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new TypeError('not base64')
  return Buffer.from(text, 'base64')
}

/** OpenSSH's one-line form, with the comment that Spring puts there. */
export function sshPublicKey (key: KeyObject): string {
  const { n = '', e = '' } = key.export({ format: 'jwk' })
  const parts = [Buffer.from('ssh-rsa'), integer(e), integer(n)]
  const blob = Buffer.concat(parts.flatMap(part => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(part.length)
    return [length, part]
  }))
  return `ssh-rsa ${blob.toString('base64')} application`
}

// SSH's mpint is signed: a leading one bit needs a zero byte before it.
function integer (base64url: string): Buffer {
  const bytes = Buffer.from(base64url, 'base64url')
  return (bytes[0] ?? 0) < 128 ? bytes : Buffer.concat([Buffer.alloc(1), bytes])
}
