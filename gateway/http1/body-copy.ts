/** A copy of a body that is passing by, for the response cache: up to a limit, and only if the body came whole. */

export class BodyCopy {
  private readonly maxBytes: number
  private readonly done: (body: Buffer) => void
  private pieces: Buffer[] = []
  private bytes = 0

  constructor (maxBytes: number, done: (body: Buffer) => void) {
    this.maxBytes = maxBytes
    this.done = done
  }

  /** The buffer will be overwritten: its bytes are copied. */
  add (buffer: Buffer, start: number, end: number): void {
    this.bytes += end - start
    if (this.bytes <= this.maxBytes) this.pieces.push(Buffer.from(buffer.subarray(start, end)))
    else this.pieces.length = 0
  }

  /** The body is complete. */
  end (): void {
    if (this.bytes <= this.maxBytes) this.done(Buffer.concat(this.pieces))
  }
}
