/**
 * Connections in the middle of large bodies take turns. Left alone, libuv reads up to 32 buffers from one socket before
 * it looks at the next, and all ready sockets before anything else: a thousand large bodies at once would keep the loop
 * from everybody for a second. So a connection stops after each large read and goes on in a later turn of the loop,
 * first come, first served.
 */
/** Bytes from which a read is large. Forwarding less costs no more than stopping and starting. */
export const LARGE_READ = 16_384
const PER_TURN = 16

export interface Reader {
  /** Its turn has come. It may have ended meanwhile. */
  readOn (): void
}

export class ReadTurns {
  private waiting: Reader[] = []
  private readonly turn = (): void => this.take()

  add (reader: Reader): void {
    if (this.waiting.push(reader) === 1) setImmediate(this.turn)
  }

  private take (): void {
    const now = this.waiting.splice(0, PER_TURN)
    if (this.waiting.length > 0) setImmediate(this.turn)
    for (const reader of now) reader.readOn()
  }
}
