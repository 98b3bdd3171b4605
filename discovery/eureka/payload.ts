import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'

/** Level 1 packs these repetitive lists to within a few percent of level 6 in a third of its time. */
const GZIP = { level: constants.Z_BEST_SPEED, chunkSize: 64 * 1024 }
/** Up to this one write is cheaper than several. */
const ONE_PIECE_BYTES = 64 * 1024

/**
 * A finished answer, in pieces that other answers may share: a list of fifty thousand instances is never held twice.
 * The same packed is made once, when somebody asks for it.
 */
export class Payload {
  readonly type: string
  readonly length: number
  readonly #parts: readonly Uint8Array[]
  #packed: Promise<Buffer> | undefined

  constructor (type: string, parts: readonly Uint8Array[]) {
    this.type = type
    this.#parts = parts
    this.length = parts.reduce((sum, part) => sum + part.length, 0)
  }

  /** All of it in one piece, copied together. */
  bytes (): Buffer {
    return Buffer.concat(this.#parts, this.length)
  }

  /** What to send: bytes when it is small, else a stream of the pieces. */
  plain (): Buffer | Readable {
    return this.length <= ONE_PIECE_BYTES ? this.bytes() : Readable.from(this.#parts)
  }

  /** Packed on another thread, once however many ask. */
  packed (): Promise<Buffer> {
    this.#packed ??= pack(this.#parts)
    return this.#packed
  }
}

async function pack (parts: readonly Uint8Array[]): Promise<Buffer> {
  const chunks: Buffer[] = []
  await pipeline(Readable.from(parts), createGzip(GZIP), async packed => {
    for await (const chunk of packed as AsyncIterable<Buffer>) chunks.push(chunk)
  })
  return Buffer.concat(chunks)
}
