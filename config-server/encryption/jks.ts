/**
 * Java's older key store, JKS: entries in a row, and after them SHA-1 over a word, the password and all before. Each
 * key lies under its own password, hidden by a stream of SHA-1 digests (Sun's KeyProtector).
 */
import { createHash, createPrivateKey, timingSafeEqual, type KeyObject } from 'node:crypto'

const MAGIC = 0xfeedfeed
const DIGEST_BYTES = 20
const PRIVATE_KEY = 1
const CERTIFICATE = 2
/** What Sun's implementers put into every digest of a store. */
const WHITENER = 'Mighty Aphrodite'

export function isJks (content: Buffer): boolean {
  return content.length > 12 && content.readUInt32BE(0) === MAGIC
}

/** The hidden private keys by alias, in lower case as Java has them; throws when the password is not the store's. */
export function readJks (content: Buffer, password: string): Map<string, Buffer> {
  const body = content.subarray(0, -DIGEST_BYTES)
  const digest = createHash('sha1').update(utf16(password)).update(WHITENER).update(body).digest()
  if (!timingSafeEqual(digest, content.subarray(-DIGEST_BYTES))) throw new TypeError('not the password of this store')
  return readEntries(new Reader(body))
}

function readEntries (reader: Reader): Map<string, Buffer> {
  reader.skip(4)
  const hasCertificateTypes = reader.number(4) === 2
  const keys = new Map<string, Buffer>()
  for (let count = reader.number(4); count > 0; count--) {
    const tag = reader.number(4)
    const alias = reader.block(2).toString().toLowerCase()
    reader.skip(8) // the date of the entry
    if (tag === PRIVATE_KEY) keys.set(alias, reader.block(4))
    else if (tag !== CERTIFICATE) throw new TypeError(`an entry of kind ${tag}`)
    for (let chain = tag === CERTIFICATE ? 1 : reader.number(4); chain > 0; chain--) {
      if (hasCertificateTypes) reader.block(2)
      reader.block(4)
    }
  }
  return keys
}

/** Takes a key out of its hiding; throws when the password is not the key's. */
export function openJksKey (hidden: Buffer, password: string): KeyObject {
  const sealed = protectedBytes(hidden)
  const secret = utf16(password)
  const text = sealed.subarray(DIGEST_BYTES, -DIGEST_BYTES)
  const plain = Buffer.alloc(text.length)
  let stream: Buffer = sealed.subarray(0, DIGEST_BYTES)
  for (let at = 0; at < text.length; at++) {
    if (at % DIGEST_BYTES === 0) stream = createHash('sha1').update(secret).update(stream).digest()
    plain[at] = text[at]! ^ stream[at % DIGEST_BYTES]!
  }
  const check = createHash('sha1').update(secret).update(plain).digest()
  if (!timingSafeEqual(check, sealed.subarray(-DIGEST_BYTES))) throw new TypeError('not the password of this key')
  return createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' })
}

// EncryptedPrivateKeyInfo (RFC 5958 3): a sequence of the algorithm and an octet string with the hidden key.
function protectedBytes (der: Buffer): Buffer {
  const info = new Reader(new Reader(der).der(0x30))
  info.der(0x30)
  const bytes = info.der(0x04)
  if (bytes.length <= 2 * DIGEST_BYTES) throw new RangeError('too short')
  return bytes
}

// Java hashes the two bytes of each character.
function utf16 (text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}

/** Reads from the front; a length that leads past the end throws. */
class Reader {
  #rest: Buffer

  constructor (bytes: Buffer) {
    this.#rest = bytes
  }

  skip (count: number): Buffer {
    if (count > this.#rest.length) throw new RangeError('too short')
    const taken = this.#rest.subarray(0, count)
    this.#rest = this.#rest.subarray(count)
    return taken
  }

  number (bytes: number): number {
    return this.skip(bytes).readUIntBE(0, bytes)
  }

  /** Bytes whose count stands before them. */
  block (lengthBytes: number): Buffer {
    return this.skip(this.number(lengthBytes))
  }

  /** The content of a DER element of this tag. */
  der (tag: number): Buffer {
    if (this.number(1) !== tag) throw new TypeError('not the expected element')
    const short = this.number(1)
    return this.skip(short < 0x80 ? short : this.number(short & 0x7f))
  }
}
