/** `content-encoding` taken off a body that is to be looked into. */
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw, type ZlibOptions } from 'node:zlib'

/** The coding is none that is understood here. */
export class UnknownCodingError extends Error {}

/** Decoded it would be larger than is bearable. */
export class DecodedTooLargeError extends Error {}

type Decode = (body: Buffer, options: ZlibOptions) => Promise<Buffer>

const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', promisify(gunzip)], ['x-gzip', promisify(gunzip)], ['br', promisify(brotliDecompress)],
  // RFC 9110, 8.4.1.2: some leave the zlib wrapper out; its first byte tells.
  ['deflate', (body, options) => promisify(body.length > 0 && (body[0]! & 0x0f) === 8 ? inflate : inflateRaw)(body, options)]
])

/** Nobody codes a body more often with honest intentions. */
const MAX_CODINGS = 3

/** The codings of a field's values, in the order in which they were applied. */
export function codingsOf (values: readonly string[]): string[] {
  return values.flatMap(value => value.toLowerCase().split(',')).map(name => name.trim())
    .filter(name => name !== '' && name !== 'identity')
}

/** A decompression bomb ends at `maxBytes`. Rejects with zlib's error when the body is not what it says. */
export async function decoded (body: Buffer, codings: readonly string[], maxBytes: number): Promise<Buffer> {
  const decoders = codings.slice(0, MAX_CODINGS + 1).map(name => DECODERS.get(name))
  if (decoders.includes(undefined) || decoders.length > MAX_CODINGS) {
    throw new UnknownCodingError(`content-encoding ${codings.join(', ').slice(0, 100)} is not understood`)
  }
  let plain = body
  for (const decode of decoders.toReversed()) plain = await bounded(decode!(plain, { maxOutputLength: maxBytes }))
  return plain
}

async function bounded (decoding: Promise<Buffer>): Promise<Buffer> {
  try {
    return await decoding
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw fault
    throw new DecodedTooLargeError('decoded the body is too large')
  }
}
