import { Readable } from 'node:stream'
import { Block, gzip } from './block.ts'

/** Up to this one write is cheaper than several. */
const ONE_PIECE_BYTES = 64 * 1024

/**
 * A finished answer, in blocks that other answers may share: a list of fifty thousand instances is never held twice.
 * The same packed is made once, when somebody asks for it.
 */
export class Payload {
  readonly type: string
  readonly length: number
  readonly #blocks: readonly Block[]
  #packed: Promise<Buffer> | undefined

  constructor (type: string, blocks: readonly Block[]) {
    this.type = type
    this.#blocks = blocks
    this.length = blocks.reduce((sum, block) => sum + block.length, 0)
  }

  /** All of it in one piece, copied together. */
  bytes (): Buffer {
    return Buffer.concat(this.#blocks.map(block => block.bytes()), this.length)
  }

  /** What to send: bytes when it is small, else a stream of the blocks. */
  plain (): Buffer | Readable {
    return this.length <= ONE_PIECE_BYTES ? this.bytes() : Readable.from(this.#chunks())
  }

  /** Packed, once however many ask. */
  packed (): Promise<Buffer> {
    this.#packed ??= gzip(this.#blocks).catch((failure: unknown) => {
      this.#packed = undefined
      throw failure
    })
    return this.#packed
  }

  /** Block by block as the reader takes them, so that the list is never copied as a whole. */
  * #chunks (): Generator<Uint8Array> {
    for (const block of this.#blocks) yield block.bytes()
  }
}

/** A document that is made for one answer. */
export function documentPayload (type: string, text: string): Payload {
  return new Payload(type, [new Block([Buffer.from(text)])])
}
