/**
 * Buffers for body pieces that must outlive the shared read buffer, used again when their write is through: an
 * allocation a piece would make the garbage collector stop the loop for 100 ms under large bodies.
 */
const BUFFER_BYTES = 65_536
/** Idle ones kept; a burst beyond that goes back to the system. */
const MAX_IDLE = 256

export class BufferPool {
  private readonly idle: Buffer[] = []

  /** A copy of a range of at most {@link BUFFER_BYTES}; whoever wrote it gives it back. */
  copy (from: Buffer, start: number, end: number): Buffer {
    const buffer = this.idle.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
    from.copy(buffer, 0, start, end)
    return buffer
  }

  give (buffer: Buffer): void {
    if (this.idle.length < MAX_IDLE) this.idle.push(buffer)
  }
}
