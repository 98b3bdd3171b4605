/** What a client sent ahead of its turn. Whoever fills it stops reading when it is full. */

/** Pipelined requests taken in one go: 64 KiB of them, answered at once, would hold up everybody else for long. */
export const MAX_AT_ONCE = 16

export class Stash {
  private bytes: Buffer | null = null

  get empty (): boolean {
    return this.bytes === null
  }

  /** Copies: the chunk is the caller's. */
  keep (chunk: Buffer): void {
    this.bytes = this.bytes === null ? Buffer.from(chunk) : Buffer.concat([this.bytes, chunk])
  }

  take (): Buffer | null {
    const { bytes } = this
    this.bytes = null
    return bytes
  }

  isFull (maxBytes: number): boolean {
    return this.bytes !== null && this.bytes.length >= maxBytes
  }
}
